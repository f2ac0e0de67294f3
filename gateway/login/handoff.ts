import type { FastifyInstance, FastifyReply } from 'fastify';
import { renderErrorPage } from '../lib/index.ts';
import type { LoginContext } from './context.ts';
import { sendForgotten, withNext } from './next.ts';
import { parseServiceAddress } from './next-url.ts';
import { sendOn, sendPage } from './send.ts';

const bindingPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * `/login/handoff?to=https://HOST/…&host=HOST&binding=HASH`: the main host's half of the hand-off, which signs a browser in on a
 * service host. `to` may be `kept:ID`, and then `host` says where that leads once it is forgotten. `binding` is the base64url
 * SHA-256 of a random cookie of that host: a code is worth nothing in another browser. `again=1`: the start was made anew because
 * the browser did not show that cookie; it is not made anew a second time, unless a person signs in on the way.
 */
export function handoffRoutes(app: FastifyInstance, context: LoginContext): void {
  const { sessions, findRoute, publicAddress } = context;

  app.get<{ Querystring: Record<string, unknown> }>('/login/handoff', async (request, reply) => {
    const { to, host = '', binding, again } = request.query;
    if (typeof to !== 'string' || typeof host !== 'string') return refuse(reply);
    if (typeof binding !== 'string' || !bindingPattern.test(binding)) return refuse(reply);
    const identity = await context.identityOf(request);
    const address = await context.addressOfNext(to);
    const target = address === undefined ? undefined : parseServiceAddress(address, publicAddress);
    if (address !== undefined && !target) return refuse(reply);
    if (!identity) {
      // Asked before the host is looked up: who is not signed in does not learn which hosts exist.
      const self = `/login/handoff?${new URLSearchParams({ to, ...(host !== '' && { host }), binding }).toString()}`;
      return sendOn(reply, withNext('/login', self));
    }
    const route = findRoute(target?.host ?? host);
    if (!route) return refuse(reply);
    if (!target) return sendForgotten(reply, { href: `${publicAddress.originOf(route.host)}/`, title: route.title });
    const code = await sessions.issueCode(identity.session, { host: route.host, binding, next: target.target });
    const mark = again === '1' ? '&again=1' : '';
    return sendOn(reply, `${publicAddress.originOf(route.host)}/.knot/callback?code=${code}${mark}`);
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
