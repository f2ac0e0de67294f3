import { EventEmitter } from 'node:events';
import fastifyWebsocket from '@fastify/websocket';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { knotError, type Log } from '../lib/index.ts';
import type { MainUpgrade } from '../proxy/index.ts';

/** Larger messages of a client end its WebSocket (1009). */
const largestMessage = 64 * 1024;

export type Sockets = {
  /** For the edge, which owns `upgrade`: it has checked the request, and gives here what is for the main host. */
  upgrade: MainUpgrade;
  /** Everybody is told to come back: this process ends. */
  announceClose(): void;
};

/**
 * WebSockets of the main host, by @fastify/websocket: upgrades come through an emitter of its own, because a second listener on the
 * server would answer those of the proxy as well (decision 0056). An upgrade passes the hooks of its route like any request, and is
 * refused where no WebSocket is meant, before a 101. To be called before the routes are made.
 */
export async function takeSockets(main: FastifyInstance, log: Pick<Log, 'debug'>): Promise<Sockets> {
  const upgrades = new EventEmitter();
  const routes = new Set<string>();
  main.addHook('onRoute', ({ wsHandler, url }: RouteOptions) => {
    if (wsHandler !== undefined) routes.add(url);
  });
  await main.register(fastifyWebsocket, {
    // It only listens there.
    options: { server: upgrades as never, maxPayload: largestMessage, perMessageDeflate: false },
    errorHandler(error, socket) {
      // Of the other side for the most part: a line that broke, a frame that is none.
      log.debug({ err: error }, 'a WebSocket ended with an error');
      socket.terminate();
    },
  });
  main.addHook('onRequest', async (request) => {
    if (!request.ws || routes.has(request.routeOptions.url ?? '')) return;
    throw knotError('KNOT_APP_NO_SOCKET', 404, 'There is no WebSocket at this address.', {
      remedy: 'Check the address. The API is described at /api/v1/openapi.json.',
    });
  });
  return {
    upgrade: (request, socket, head) => void upgrades.emit('upgrade', request, socket, head),
    announceClose() {
      // RFC 6455 section 7.4.1 and the registry of IANA: 1012, "Service Restart".
      for (const client of main.websocketServer.clients) client.close(1012, 'Knot is being restarted');
    },
  };
}
