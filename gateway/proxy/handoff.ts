import type { PublicAddress } from '../config/index.ts';
import { type CanonicalRequest, cookieValues, hashSecret, newSecret } from '../lib/index.ts';
import { describeDevice, type Sessions } from '../sessions/index.ts';
import { answer } from './answers.ts';
import type { Exchange } from './exchange.ts';
import { handoffFailed, notFoundHere } from './refusals.ts';
import type { Target } from './upstreams.ts';

/**
 * The one-time-code exchange that gives a host its own session (DESIGN.md section 4.3). A browser without a session gets a
 * random value in a cookie of this host and goes to the main host with its hash; the code that comes back works only
 * together with that cookie. The cookie stays for ten minutes and is used again by other tabs.
 */
export type Handoff = {
  /** Sends a navigation to sign in. */
  begin(exchange: Exchange): void;
  /** Answers the paths under `/.knot/`, which never reach an upstream. */
  answerReserved(exchange: Exchange): Promise<void>;
};

const cookieName = '__Host-knot-handoff';
const cookieSeconds = 600;
const secretPattern = /^[A-Za-z0-9_-]{43}$/;
const callbackPath = '/.knot/callback';

/** Judged on the decoded path, so that no spelling of ours ever reaches an upstream. */
export function isReserved(canonical: CanonicalRequest): boolean {
  return canonical.decodedPath.startsWith('/.knot') && /^\/\.knot(?:\/|$)/.test(canonical.decodedPath);
}

export function createHandoff({
  sessions,
  publicAddress,
}: {
  sessions: Pick<Sessions, 'redeemCode' | 'cookie'>;
  publicAddress: PublicAddress;
}): Handoff {
  function handoffCookie(secret: string): string {
    return `${cookieName}=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${cookieSeconds}`;
  }

  async function callback(exchange: Exchange): Promise<void> {
    const { canonical, target } = exchange;
    const code = new URLSearchParams(canonical.query).get('code');
    const secret = ownSecret(canonical.cookie);
    const redeemed =
      code === null || secret === undefined
        ? undefined
        : await sessions.redeemCode(code, {
            host: canonical.host,
            binding: hashSecret(secret),
            device: describeDevice(canonical.userAgent),
            address: canonical.address,
          });
    if (redeemed === undefined) return exchange.refuse(handoffFailed(`${target.publicOrigin}/`));
    redirect(exchange, localPath(redeemed.next, target), sessions.cookie(redeemed.secret));
  }

  return {
    begin(exchange) {
      const { canonical, target } = exchange;
      const secret = ownSecret(canonical.cookie) ?? newSecret();
      const to = encodeURIComponent(target.publicOrigin + canonical.target);
      exchange.reason = 'no_session';
      redirect(
        exchange,
        `${publicAddress.origin}/login/handoff?to=${to}&binding=${hashSecret(secret)}`,
        handoffCookie(secret),
      );
    },
    async answerReserved(exchange) {
      const { path, method } = exchange.canonical;
      if (path === callbackPath && method === 'GET') return callback(exchange);
      return exchange.refuse(notFoundHere());
    },
  };
}

function redirect(exchange: Exchange, location: string, cookie: string): void {
  const headers = { location, 'set-cookie': cookie, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
  answer(exchange.response, 303, headers, '');
}

/** The value in the browser's cookie if it is one of ours and stands once; anything else is replaced. */
function ownSecret(cookie: string | undefined): string | undefined {
  const values = cookieValues(cookie, cookieName);
  return values.length === 1 && secretPattern.test(values[0]!) ? values[0] : undefined;
}

/** The stored target as a path of this host; `/` when it is anything else (catalogue R1). */
function localPath(next: string, target: Target): string {
  const path = next.startsWith(`${target.publicOrigin}/`) ? next.slice(target.publicOrigin.length) : next;
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.includes('\\') ? path : '/';
}
