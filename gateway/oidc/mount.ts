import type { IncomingMessage } from 'node:http';

/** The path of the issuer on its host. */
export const mountPath = '/oidc';

const forwarded = ['x-forwarded-host', 'x-forwarded-for', 'x-forwarded-port', 'forwarded'];

/**
 * Makes a request look as the provider must see it: below its mount path, on the issuer's host and scheme whatever the client
 * claimed. Discovery builds every address from the request's host, so a forged Host would poison it (measured).
 */
export function mountRequest(request: IncomingMessage & { originalUrl?: string }, path: string, issuer: string): void {
  const { host, protocol } = new URL(issuer);
  for (const name of forwarded) delete request.headers[name];
  request.headers.host = host;
  // Koa asks the pseudo-header first on HTTP/2.
  if (request.httpVersionMajor >= 2) request.headers[':authority'] = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  request.originalUrl = mountPath + path;
  request.url = path;
}
