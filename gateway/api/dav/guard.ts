import type { FastifyRequest } from 'fastify';
import { type Identity, isSameOrigin, knotError } from '../../lib/index.ts';
import { tokenPrefix } from '../../tokens/index.ts';
import type { ApiContext } from '../context.ts';
import { refuseTokenInAddress } from '../guard.ts';

type GuardNeeds = Pick<ApiContext, 'identifyBearer' | 'publicAddress' | 'addressOf'>;

/**
 * Who asks by WebDAV: whoever shows a personal token, as the password of Basic (RFC 7617; the user is the person's own name) or as
 * Bearer. No cookie counts for anything here. A browser keeps what was typed as Basic and sends it along with everything, also when
 * another site asks, so what comes from another site is refused, and no browser is asked for a password.
 * @throws KNOT_API_SIGN_IN, KNOT_API_TOKEN, KNOT_API_CROSS_SITE
 */
export async function identifyDav(request: FastifyRequest, needs: GuardNeeds): Promise<Identity> {
  const { identifyBearer, publicAddress, addressOf } = needs;
  const { headers } = request;
  const secFetchSite = headers['sec-fetch-site'];
  if (!isSameOrigin({ origin: headers.origin, secFetchSite }, publicAddress.origin)) {
    throw knotError('KNOT_API_CROSS_SITE', 403, 'The request comes from another site.', {
      remedy: 'Use WebDAV from a program, not from a page.',
    });
  }
  refuseTokenInAddress(request.url);
  const isBrowser = headers['sec-fetch-mode'] !== undefined;
  const challenge = { 'www-authenticate': isBrowser ? 'Bearer realm="Knot"' : 'Basic realm="Knot", charset="UTF-8"' };
  const shown = credentialsIn(headers.authorization);
  if (shown === undefined) {
    throw knotError('KNOT_API_SIGN_IN', 401, 'WebDAV needs a personal token.', {
      remedy: `Make one at ${publicAddress.origin}/account/tokens; it is the password, and your username the user.`,
      headers: challenge,
    });
  }
  const { user, secret } = shown;
  // Nobody's password is tried here, nor kept for long.
  const identity =
    user === undefined || secret.startsWith(tokenPrefix) ? await identifyBearer(secret, addressOf(request)) : undefined;
  if (identity && (user === undefined || user.trim().toLowerCase() === identity.principal.username)) return identity;
  throw knotError('KNOT_API_TOKEN', 401, 'The token is not valid, or belongs to somebody else than the user named.', {
    remedy: `The password is a personal token: make one at ${publicAddress.origin}/account/tokens.`,
    headers: challenge,
  });
}

/** @returns `user` undefined for Bearer */
function credentialsIn(authorization = ''): { user?: string; secret: string } | undefined {
  const bearer = /^bearer +([^ ]+) *$/i.exec(authorization)?.[1];
  if (bearer !== undefined) return { secret: bearer };
  const basic = /^basic +([A-Za-z0-9+/]{1,2000}={0,2}) *$/i.exec(authorization)?.[1];
  const text = basic === undefined ? '' : Buffer.from(basic, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), secret: text.slice(colon + 1) };
}
