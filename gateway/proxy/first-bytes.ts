import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';

/** Less than the 1,024 bytes with which Node's TLS starts its buffer. */
const pieceBytes = 1_000;

/**
 * Reads the first bytes of each connection before TLS does, and hands them over in small pieces. Node keeps the buffer of a TLS
 * connection's first read for as long as it lives, and makes it 64 KiB when it reads itself: an idle connection costs 50 KiB of
 * resident memory then and 38 KiB so (`BENCHMARKS.md`). Whoever connects and sends nothing for `headersMs` is cut, before any TLS
 * state is made for them.
 */
export function readFirstBytes(server: Http2SecureServer, { headersMs }: { headersMs: number }): void {
  const accepts = server.listeners('connection') as ((this: Http2SecureServer, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    socket.on('error', ignore);
    socket.setTimeout(headersMs, onSilence);
    socket.once('readable', () => {
      socket.off('timeout', onSilence);
      socket.setTimeout(0);
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return void socket.destroy();
      const last = bytes.length - 1;
      for (let from = last - (last % pieceBytes); from >= 0; from -= pieceBytes) {
        socket.unshift(bytes.subarray(from, from + pieceBytes));
      }
      for (const accept of accepts) accept.call(server, socket);
      socket.off('error', ignore);
    });
  });
}

/** A reset before the first byte; `close` follows. */
function ignore(): void {
  return undefined;
}

function onSilence(this: Socket): void {
  this.destroy();
}
