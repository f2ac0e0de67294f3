import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { isSameOrigin, knotError, otherPort } from '../lib/index.ts';
import type { Access, ApiContext, ApiServer } from './context.ts';

const safeMethods = new Set(['GET', 'HEAD']);

/** Headers of every answer: data for one person, never a page, never for another site. */
const answerHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * The one guard of the API, before any body is read: same site, then who, then whether they may. A route that does not say
 * who may call it does not start.
 */
export function guard(app: ApiServer, context: ApiContext): void {
  const { identify, publicAddress, demandAdminister } = context;
  app.decorateRequest('identity', null);

  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.config?.access === undefined) {
      throw knotError('KNOT_API_UNGUARDED', 500, `${String(route.method)} ${route.url} does not say who may call it.`);
    }
  });

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(answerHeaders);
    refuseOtherSites(request);
    // An unknown address is told to everyone alike: there is nothing to find out.
    const access: Access = request.is404 ? 'everyone' : (request.routeOptions.config.access ?? 'admin');
    if (access === 'everyone') return;
    const identity = await identify(request.headers.cookie, '');
    if (identity === undefined) {
      throw knotError('KNOT_API_SIGN_IN', 401, 'You are not signed in.', {
        remedy: `Sign in at ${publicAddress.origin}/login.`,
      });
    }
    request.identity = identity;
    // Shown on the access line, where one is written.
    if (app.hasRequestDecorator('username')) request.username = identity.principal.username;
    if (access === 'person') return;
    demandAdminister(request, identity.principal);
  });

  /**
   * The CSRF rule for what changes something; for reading, Sec-Fetch-Site alone (resource isolation): the tools on sibling
   * hosts run scripts of their users, are "same-site", and have no business here.
   */
  function refuseOtherSites(request: FastifyRequest): void {
    const { origin, 'sec-fetch-site': secFetchSite } = request.headers;
    const isRead = safeMethods.has(request.method);
    if (isSameOrigin({ origin: isRead ? undefined : origin, secFetchSite }, publicAddress.origin)) return;
    const { message, remedy } = otherPort(origin, publicAddress.origin) ?? {
      message: 'The request comes from another site.',
      remedy: `Use the API from ${publicAddress.origin}.`,
    };
    throw knotError('KNOT_API_CROSS_SITE', 403, message, { remedy });
  }
}
