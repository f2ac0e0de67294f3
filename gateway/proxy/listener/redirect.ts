import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ListenAddress } from '../../config/index.ts';
import { addressBlocks, asksForPage, canonicalize, knotError, type Log } from '../../lib/index.ts';
import { answerRefusal } from '../message/answers.ts';
import { nextRequestId } from '../message/request-id.ts';
import { notCanonical } from '../message/refusals.ts';
import { type HostNames, isOurs } from './destination.ts';
import { guardRequestLines } from './request-lines.ts';

export type RedirectListener = { port: number; close(): Promise<void> };

/**
 * The optional plain-HTTP listener: sends every canonical request for our own hosts to the same address on https (308, so that
 * method and body stay) and does nothing else.
 *
 * @throws KNOT_PROXY_LISTEN_FAILED when the address cannot be bound
 */
export async function createRedirectListener(options: {
  listen: ListenAddress;
  publicAddress: HostNames;
  log: Log;
}): Promise<RedirectListener> {
  const { listen, publicAddress, log } = options;
  const nobodyTrusted = addressBlocks([]);

  function redirect(request: IncomingMessage, response: ServerResponse): void {
    const canonical = canonicalize(
      {
        method: request.method!,
        target: request.url!,
        rawHeaders: request.rawHeaders,
        protocol: 'h1',
        httpVersion: request.httpVersion,
        peerAddress: request.socket.remoteAddress ?? '',
        isUpgrade: false,
      },
      nobodyTrusted,
    );
    const refusal =
      typeof canonical === 'string'
        ? notCanonical(canonical)
        : isOurs(canonical.host, publicAddress)
          ? undefined
          : notCanonical('misdirected');
    if (refusal !== undefined) {
      const { accept } = request.headers;
      const asPage = asksForPage({ fetchMode: undefined, accept, isUpgrade: false });
      return answerRefusal(response, refusal, asPage, nextRequestId());
    }
    if (typeof canonical === 'string') return;
    const location = publicAddress.originOf(canonical.host) + canonical.target;
    response.writeHead(308, { location, 'content-length': '0', connection: 'close' }).end();
  }

  const server = createServer({ requireHostHeader: false, headersTimeout: 10_000, requestTimeout: 30_000 }, redirect);
  guardRequestLines(server);
  server.on('error', (error) => log.error({ err: error }, 'the redirect listener failed'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        knotError('KNOT_PROXY_LISTEN_FAILED', 500, `Cannot listen on ${listen.host}:${listen.port} for the redirect.`, {
          remedy: 'Free the port or change `httpListen`.',
          cause,
        }),
      );
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  log.info({ host: listen.host, port }, 'plain HTTP redirects to https');
  return {
    port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
