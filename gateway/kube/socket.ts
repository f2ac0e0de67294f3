import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { KubeRequest } from './request.ts';
import { faultOf, statusIn, unreachable } from './faults.ts';

export type SocketRequest = Pick<KubeRequest, 'path' | 'query' | 'headers' | 'signal'>;
export type KubeSocket = WebSocket;

/**
 * What the API server speaks on WebSockets: the first byte of a message is its channel (Kubernetes: `remotecommand`); version 5 can close
 * one of them, the ones before are spoken by servers and kubelets before 1.30.
 */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const handshakeMs = 30_000;
const heartbeatMs = 30_000;
const mostMessageBytes = 16 * 1024 * 1024;
const mostRefusalBytes = 64 * 1024;

/**
 * Opens a WebSocket on a connection that is dialled for it. It is asked whether it lives while it is open, and ended when it does not.
 * @throws KnotError KNOT_KUBE_UNREACHABLE
 */
export async function openSocket(
  { url, path, headers = {}, signal }: SocketRequest & { url: URL },
  dialled: () => Promise<TLSSocket>,
): Promise<KubeSocket | { status: number; fault: Error }> {
  const what = `WebSocket ${path}`;
  try {
    const connection = await dialled();
    const secure = new URL(url);
    secure.protocol = 'wss:';
    const socket = new WebSocket(secure, protocols, {
      headers: headers as Record<string, string>,
      createConnection: () => connection,
      handshakeTimeout: handshakeMs,
      maxPayload: mostMessageBytes,
      perMessageDeflate: false,
    });
    socket.on('error', () => undefined);
    // Nothing that comes with the answer is lost before somebody listens.
    socket.once('upgrade', () => socket.once('open', () => socket.pause()));
    const refused = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>;
    refused.catch(() => undefined);
    const ended = await Promise.race([
      once(socket, 'open', signal ? { signal } : {}).then(() => undefined),
      refused.then(([, answer]) => answer),
    ]);
    if (ended !== undefined) {
      const text = await textOf(ended);
      socket.terminate();
      return { status: ended.statusCode!, fault: faultOf(ended.statusCode!, statusIn(text), what) };
    }
    keepAlive(socket);
    signal?.addEventListener('abort', () => socket.terminate(), { once: true });
    return socket;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(error, what);
  }
}

/** A line that is silently gone ends within twice the heartbeat. */
function keepAlive(socket: WebSocket): void {
  let isAlive = true;
  socket.on('pong', () => (isAlive = true));
  const timer = setInterval(() => {
    // What is paused reads no answer either.
    if (!isAlive && !socket.isPaused) return socket.terminate();
    isAlive = socket.isPaused;
    socket.ping();
  }, heartbeatMs).unref();
  socket.once('close', () => clearInterval(timer));
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    if (size > mostRefusalBytes) break;
  }
  return Buffer.concat(parts).toString('utf8');
}
