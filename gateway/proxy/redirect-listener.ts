import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress, PublicAddress } from '../config/index.ts';
import { knotError, type Log } from '../lib/index.ts';

export type RedirectListener = { port: number; close(): Promise<void> };

/**
 * The optional plain-HTTP listener: it sends every request to the same address on HTTPS and serves nothing. Only our own names
 * are redirected, so that it cannot be used to send people elsewhere; the target keeps its bytes.
 * @throws KNOT_PROXY_LISTEN_FAILED
 */
export async function createRedirectListener(options: {
  listen: ListenAddress;
  publicAddress: PublicAddress;
  log: Log;
}): Promise<RedirectListener> {
  const { listen, publicAddress, log } = options;
  const ownName = new RegExp(`^([a-z0-9-]{1,63}\\.)?${publicAddress.domain.replaceAll('.', '\\.')}$`);

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const host = (request.headers.host ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
    const target = request.url ?? '/';
    const isRedirectable = ownName.test(host) && /^\/(?!\/)[\x21-\x7e]*$/.test(target);
    response.writeHead(isRedirectable ? 308 : 400, {
      connection: 'close',
      'cache-control': 'no-store',
      'content-length': 0,
      ...(isRedirectable && { location: `${publicAddress.originOf(host)}${target}` }),
    });
    response.end();
  }

  const server = createServer({ maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 10_000 }, answer);
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        knotError(
          'KNOT_PROXY_LISTEN_FAILED',
          500,
          `The redirect listener cannot use ${listen.host}:${listen.port} (${error.code}).`,
          {
            cause: error,
            remedy: 'Choose another address in httpListen, or end the program that uses it.',
          },
        ),
      ),
    );
    server.listen(listen.port, listen.host, done);
  });
  const { port } = server.address() as AddressInfo;
  log.info({ host: listen.host, port }, 'redirect listener');
  return {
    port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
