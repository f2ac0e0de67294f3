import type { Http2SecureServer, Http2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Ends the listener in order: no new connections, answers finish, HTTP/2 says GOAWAY, then whatever is left is destroyed. */
export type Drain = { close(graceMs: number): Promise<void> };

export function createDrain(server: Http2SecureServer): Drain {
  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });

  return {
    async close(graceMs) {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
