import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';

export type UpgradeRequest = {
  path: string;
  /** Alternating names and values, those of the upgrade left out. */
  headers: readonly string[];
  limits: { answerHeaderBytes: number; firstByteMs: number };
};

/** Exactly one of them is called, unless the socket is destroyed by the caller. */
export type UpgradeAnswer = {
  onUpgrade(answer: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Any other answer, whose body is still to be read. */
  onRefusal(answer: IncomingMessage): void;
  onError(error: Error): void;
};

/** Asks an upstream for a WebSocket on a fresh connection (RFC 6455 section 4.1). */
export function requestUpgrade(upstream: Socket, request: UpgradeRequest, answer: UpgradeAnswer): void {
  const { path, headers, limits } = request;
  const asked = httpRequest({
    method: 'GET',
    path,
    headers: [...headers, 'connection', 'Upgrade', 'upgrade', 'websocket'],
    setHost: false,
    createConnection: () => upstream,
    maxHeaderSize: limits.answerHeaderBytes,
  });
  const timer = setTimeout(() => asked.destroy(timedOut()), limits.firstByteMs);
  asked.once('close', () => clearTimeout(timer));
  asked.on('error', (error) => answer.onError(error));
  asked.once('response', (response) => {
    clearTimeout(timer);
    answer.onRefusal(response);
  });
  asked.once('upgrade', (response, socket, head) => {
    clearTimeout(timer);
    answer.onUpgrade(response, socket, head);
  });
  asked.end();
}

/** The fields of an answer as a forwarder tells them: alternating lower-case names and values. */
export function answerHeaders({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
}

function timedOut(): Error {
  return Object.assign(new Error('no answer to the upgrade'), { code: 'ETIMEDOUT' });
}
