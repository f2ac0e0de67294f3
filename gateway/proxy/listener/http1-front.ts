import type { Http2SecureServer } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { RequestLineGuard } from './request-lines.ts';
import { ClientConnection, type ClientConnectionPlace } from './client-connection.ts';

/** The connections of HTTP/1.1 clients that we serve ourselves. */
export type Http1Front = {
  /** Ends those on which nothing is under way. */
  endIdle(): void;
};

type Listener = (this: Http2SecureServer, socket: TLSSocket) => void;

/**
 * Puts our own HTTP/1.1 in front of Node's on a TLS server: every connection that speaks it is ours first, and Node's from the
 * first request on that is not plain (`client-connection.ts`). HTTP/2 is Node's from the start (`http2-front.ts`). To be called
 * before anybody else listens to `secureConnection`.
 */
export function createHttp1Front(
  server: Http2SecureServer,
  place: Pick<ClientConnectionPlace, 'limits' | 'isEnding' | 'serve' | 'noteUse'> & {
    lines: Pick<RequestLineGuard, 'watch'>;
  },
): Http1Front {
  const connections = new Set<ClientConnection>();
  const [nodeListener, ...others] = server.listeners('secureConnection') as Listener[];
  // Node's own way to serve a connection has no public name. If it is found elsewhere one day, better not to start.
  if (nodeListener === undefined || others.length > 0) {
    throw new Error('this Node serves TLS connections in a way that is not known here');
  }
  server.off('secureConnection', nodeListener);

  const shared: ClientConnectionPlace = {
    ...place,
    keepAliveLine: `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(place.limits.keepAliveMs / 1000)}\r\n`,
    forget: (connection) => void connections.delete(connection),
    leave(connection, unread) {
      const { socket } = connection;
      connections.delete(connection);
      if (unread.length > 0) socket.unshift(unread);
      nodeListener.call(server, socket);
      place.lines.watch(socket);
    },
  };

  server.on('secureConnection', (socket: TLSSocket) => {
    const { alpnProtocol } = socket;
    if (alpnProtocol !== false && alpnProtocol !== 'http/1.1') return nodeListener.call(server, socket);
    connections.add(new ClientConnection(socket, shared));
  });

  return {
    endIdle() {
      for (const connection of connections) connection.endIfIdle();
    },
  };
}
