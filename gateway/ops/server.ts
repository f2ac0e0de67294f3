import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ComponentHealth, knotError, type Log } from '../lib/index.ts';
import type { Metrics } from './metrics.ts';

export type OpsServerOptions = {
  listen: { host: string; port: number };
  metrics: Pick<Metrics, 'contentType' | 'text'>;
  isReady: () => Promise<boolean>;
  health: () => ComponentHealth[] | Promise<ComponentHealth[]>;
  /** Judges what the server's own parser would read leniently; called before the server listens. */
  guard(server: Server): void;
  log: Log;
};

export type OpsServer = { host: string; port: number; close(): Promise<void> };

type Answer = { status: number; type: string; body: string };

const json = (status: number, body: unknown): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(body)}\n`,
});

/**
 * A listener of its own for the operator's tools, plain HTTP, meant for loopback: `/metrics` (Prometheus), `/healthz` (alive,
 * with the state of each part) and `/readyz`.
 * @throws KNOT_OPS_LISTEN_FAILED when the address cannot be bound
 */
export async function createOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { listen, metrics, isReady, health, log } = options;

  async function answer(path: string): Promise<Answer> {
    if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
    if (path === '/readyz') {
      const isYes = await isReady();
      return json(isYes ? 200 : 503, { status: isYes ? 'ready' : 'not ready' });
    }
    // A failed part does not make the process dead: restarting it would cure nothing.
    if (path === '/healthz') {
      const components = await health();
      return json(200, { status: 'ok', components: components.filter(({ isPersonal }) => isPersonal !== true) });
    }
    return json(404, { status: 'not found', paths: ['/metrics', '/healthz', '/readyz'] });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const { status, type, body } = isRead
      ? await answer((request.url ?? '/').split('?', 1)[0] ?? '/')
      : json(405, { status: 'only GET' });
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(isRead ? {} : { allow: 'GET, HEAD' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      log.error({ err: error }, 'answering on the operations listener failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  options.guard(server);

  server.on('error', (error) => log.error({ err: error }, 'the operations listener failed'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${listen.host}:${listen.port}`;
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        knotError(
          'KNOT_OPS_LISTEN_FAILED',
          500,
          isTaken ? `The operations address ${place} is in use.` : `The operations address ${place} cannot be bound.`,
          { cause: error, remedy: 'Choose another one with --ops HOST:PORT; port 0 takes any free one.' },
        ),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
