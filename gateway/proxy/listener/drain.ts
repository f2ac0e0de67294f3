import type { Http2SecureServer, Http2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Ends the listener in order: no new connections, answers finish, HTTP/2 says GOAWAY, then whatever is left is destroyed. */
export type Drain = {
  /** True from the first call of `announce` or `close`: answers then say `connection: close`. */
  isDraining(): boolean;
  /** The end is near, but everything is still taken: clients in the middle of their work go elsewhere by themselves. */
  announce(): void;
  /** Resolves when every connection is gone, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
};

const idleCheckMs = 50;

/** `endIdle` closes idle connections that our own HTTP code serves; Node closes those of its HTTP server. */
export function createDrain(server: Http2SecureServer, endIdle: () => void): Drain {
  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  let isAnnounced = false;
  let closing: Promise<void> | undefined;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });

  async function end(graceMs: number): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const session of sessions) session.close();
    const idle = setInterval(() => {
      closeIdle(server);
      endIdle();
    }, idleCheckMs);
    const deadline = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(deadline);
  }

  return {
    isDraining: () => isAnnounced || closing !== undefined,
    announce: () => void (isAnnounced = true),
    close: (graceMs) => (closing ??= end(graceMs)),
  };
}

/** Keep-alive connections that finished an answer after the listener closed; Node itself looks only once. */
function closeIdle(server: Http2SecureServer): void {
  (server as { closeIdleConnections?: () => void }).closeIdleConnections?.();
}
