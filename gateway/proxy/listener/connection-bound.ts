import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { type AddressBlocks, type Log, networkOf } from '../../lib/index.ts';
import { type ClientRequest, isHttp2 } from '../message/answers.ts';

/**
 * How many connections one client address may have. A connection above that still completes TLS and gets a 429, because a
 * connection that just ends tells nobody why; above twice the bound, where that work itself would be the harm, it is reset.
 */
export type ConnectionBound = {
  /** Whether a request came on a connection beyond the bound; its connection then ends after the answer. */
  refuses(request: ClientRequest): boolean;
  /** The same of a connection. */
  isBeyond(socket: Socket): boolean;
};

const isBeyond = Symbol('beyond the bound of its address');
type Marked = Socket & { [isBeyond]?: boolean };

export function createConnectionBound(
  server: Http2SecureServer,
  options: { connectionsPerAddress: number; headersMs: number; trusted: AddressBlocks; log: Log },
): ConnectionBound {
  const { connectionsPerAddress, headersMs, trusted, log } = options;
  const counts = new Map<string, number>();
  let beyond = 0;

  function leave(key: string): void {
    const left = (counts.get(key) ?? 1) - 1;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  }

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || trusted.has(address)) return;
    const key = networkOf(address);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    socket.once('close', () => leave(key));
    if (count === connectionsPerAddress + 1) log.warn({ address: key, count }, 'an address has too many connections');
    if (count > 2 * connectionsPerAddress) socket.resetAndDestroy();
  });
  server.on('secureConnection', (socket: Marked) => {
    const address = socket.remoteAddress;
    if (address === undefined || (counts.get(networkOf(address)) ?? 0) <= connectionsPerAddress) return;
    socket[isBeyond] = true;
    beyond += 1;
    // Whoever does not even ask is not kept either.
    const timer = setTimeout(() => socket.destroy(), headersMs);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      beyond -= 1;
    });
  });

  function isMarked(socket: Marked): boolean {
    return beyond > 0 && socket[isBeyond] === true;
  }

  return {
    isBeyond: isMarked,
    refuses(request) {
      if (beyond === 0) return false;
      if (!isHttp2(request)) return isMarked(request.socket);
      const { session } = request.stream;
      if (session === undefined || !isMarked(session.socket)) return false;
      session.close();
      return true;
    },
  };
}
