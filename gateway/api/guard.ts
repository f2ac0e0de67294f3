import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { throughToken } from '../audit/index.ts';
import { type Identity, isSameOrigin, knotError, otherPort, type TokenGrant } from '../lib/index.ts';
import { holdsToken, scopeSubjects } from '../tokens/index.ts';
import { type Access, actOf, type ApiContext, type ApiServer } from './context.ts';

const safeMethods = new Set(['GET', 'HEAD']);

/** Headers of every answer: data for one person, never a page, never for another site. */
export const answerHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * The one guard of the API, before any body is read: same site, then who (by session or by token), then whether they may. A route that does not say
 * who may call it does not start.
 */
export function guard(app: ApiServer, context: ApiContext): void {
  const { identify, identifyBearer, metrics, publicAddress, addressOf, demandAdminister } = context;
  app.decorateRequest('identity', null);
  app.decorateRequest('identifyAgain', null);

  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.config?.access === undefined) {
      throw knotError('KNOT_API_UNGUARDED', 500, `${String(route.method)} ${route.url} does not say who may call it.`);
    }
  });

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(answerHeaders);
    refuseOtherSites(request);
    refuseTokenInAddress(request.url);
    // An unknown address is told to everyone alike: there is nothing to find out.
    const access: Access = request.is404 ? 'everyone' : (request.routeOptions.config.access ?? 'admin');
    if (access === 'everyone') return;
    const secret = bearerOf(request.headers.authorization);
    request.identifyAgain = async () =>
      secret === undefined
        ? ((await ofGrant(request)) ?? (await identify(request.headers.cookie, '')))
        : ofBearer(request, secret);
    const identity = await request.identifyAgain();
    if (identity === undefined) {
      throw knotError('KNOT_API_SIGN_IN', 401, 'You are not signed in.', {
        remedy: `Sign in at ${publicAddress.origin}/login.`,
      });
    }
    request.identity = identity;
    // Shown on the access line, where one is written.
    if (app.hasRequestDecorator('username')) request.username = identity.principal.username;
    if (identity.token) demandScope(request, identity.token, access);
    if (access === 'person') return;
    demandAdminister(request, identity.principal);
  });

  recordTokens(app);

  /** A program that shows a token is nobody else, whatever cookies it sends. */
  async function ofBearer(request: FastifyRequest, secret: string): Promise<Identity> {
    const identity = await identifyBearer(secret, addressOf(request));
    if (identity) return identity;
    throw knotError('KNOT_API_TOKEN', 401, 'The token is not valid: it was revoked, has expired or never was one.', {
      remedy: `Make a new one at ${publicAddress.origin}/account/tokens.`,
      // RFC 6750 section 3.1
      headers: { 'www-authenticate': 'Bearer realm="Knot", error="invalid_token"' },
    });
  }

  /** Only where Grafana asks: anywhere else its cookie is nothing. */
  async function ofGrant({ routeOptions, headers }: FastifyRequest): Promise<Identity | undefined> {
    return routeOptions.config.grant === undefined ? undefined : metrics?.identify(headers.cookie);
  }

  function demandScope(request: FastifyRequest, token: TokenGrant, access: Access): void {
    const subject = access === 'admin' ? 'admin' : request.routeOptions.config.scope;
    const act = actOf(request);
    if (subject !== undefined && token.allows(subject, act)) return;
    // What no token can be made for is not offered.
    const isMakeable = (scopeSubjects as readonly (string | undefined)[]).includes(subject);
    const needed = isMakeable ? `${subject}:${act}` : undefined;
    const message =
      needed === undefined ? 'No token may do this.' : `The token "${token.name}" is not made for ${needed}.`;
    throw knotError('KNOT_API_TOKEN_SCOPE', 403, message, {
      remedy: needed === undefined ? 'Sign in with a browser to do it.' : `Make a token with the scope ${needed}.`,
      headers: {
        'www-authenticate': `Bearer realm="Knot", error="insufficient_scope"${needed === undefined ? '' : `, scope="${needed}"`}`,
      },
    });
  }

  /** Browsers name the page with each WebSocket (RFC 6455 section 10.2); whoever names none must show a token, which no page can make them do. */
  const isSocketOfOurs = ({ headers: { origin, authorization } }: FastifyRequest): boolean =>
    origin === undefined ? bearerOf(authorization) !== undefined : origin === publicAddress.origin;

  /**
   * The CSRF rule for what changes something; for reading, Sec-Fetch-Site alone (resource isolation): the tools on sibling
   * hosts run scripts of their users, are "same-site", and have no business here.
   */
  function refuseOtherSites(request: FastifyRequest): void {
    const { origin, 'sec-fetch-site': secFetchSite } = request.headers;
    const isRead = safeMethods.has(request.method);
    const isOurs = request.ws
      ? isSocketOfOurs(request)
      : isSameOrigin({ origin: isRead ? undefined : origin, secFetchSite }, publicAddress.origin);
    if (isOurs) return;
    const { message, remedy } = otherPort(origin, publicAddress.origin) ?? {
      message: 'The request comes from another site.',
      remedy: `Use the API from ${publicAddress.origin}.`,
    };
    throw knotError('KNOT_API_CROSS_SITE', 403, message, { remedy });
  }
}

/** The audit record says of each act that a token did it. After the body is read, which breaks the thread, and before whatever acts. */
export function recordTokens(app: Pick<FastifyInstance, 'addHook'>): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const { token, principal } = request.identity ?? {};
    if (token === undefined) return done();
    throughToken({ id: token.id, name: token.name, username: principal!.username }, done);
  });
}

/** @throws KNOT_API_TOKEN_IN_ADDRESS */
export function refuseTokenInAddress(url: string): void {
  if (!holdsToken(url)) return;
  throw knotError('KNOT_API_TOKEN_IN_ADDRESS', 400, 'A token stands in the address, where others read it.', {
    remedy: 'Revoke that token. Send the next one as Authorization: Bearer, and nowhere else.',
  });
}

/** The secret of an `Authorization: Bearer` (RFC 6750 section 2.1; the scheme in any letter case, RFC 9110 section 11.1). */
function bearerOf(authorization: string | undefined): string | undefined {
  return /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
}
