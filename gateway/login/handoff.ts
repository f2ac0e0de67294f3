import type { FastifyInstance, FastifyReply } from 'fastify';
import { renderErrorPage } from '../lib/index.ts';
import { type LoginContext, sendOn, sendPage } from './context.ts';
import { parseServiceAddress } from './next-url.ts';

const bindingPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * `/login/handoff?to=https://HOST/…&binding=HASH`: the main host's half of the exchange that signs a browser in on a service
 * host. `binding` is the base64url SHA-256 of a random cookie of that host: a code is worth nothing in another browser.
 */
export function handoffRoutes(app: FastifyInstance, context: LoginContext): void {
  const { sessions, findRoute, publicAddress } = context;

  app.get<{ Querystring: Record<string, unknown> }>('/login/handoff', async (request, reply) => {
    const { to, binding } = request.query;
    if (typeof to !== 'string' || typeof binding !== 'string' || !bindingPattern.test(binding)) return refuse(reply);
    const target = parseServiceAddress(to, publicAddress);
    if (!target) return refuse(reply);
    const identity = await context.identityOf(request);
    if (!identity) {
      // Asked before the host is looked up: who is not signed in does not learn which hosts exist.
      const self = `/login/handoff?${new URLSearchParams({ to, binding }).toString()}`;
      return sendOn(reply, `/login?${new URLSearchParams({ next: self }).toString()}`);
    }
    const route = findRoute(target.host);
    if (!route) return refuse(reply);
    const code = await sessions.issueCode(identity.session, { host: route.host, binding, next: target.path });
    return sendOn(reply, `${publicAddress.originOf(route.host)}/.knot/callback?code=${code}`);
  });

  function refuse(reply: FastifyReply): FastifyReply {
    const page = renderErrorPage({
      status: 400,
      heading: 'This address cannot be opened',
      reason: 'The address that asked for your sign-in is not one of this platform, or it was cut off on the way.',
      remedy: 'Open the tool from the home page.',
      links: [{ href: '/', label: 'Home' }],
    });
    return sendPage(reply, page, 400);
  }
}
