import type { PublicAddress } from '../config/index.ts';
import { asksForPage, type CanonicalRequest, maySignIn, networkOf, readTarget } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import { describeDevice, type Sessions } from '../sessions/index.ts';
import { answer } from './message/answers.ts';
import type { Exchange } from './exchange/exchange.ts';
import { ownBinding, sharedBinding, shownBindings } from './sign-in/handoff-cookie.ts';
import { notFoundHere } from './message/refusals.ts';
import type { Guests } from './judge/gate.ts';
import { handoffFailed, linkNotOpened } from './sign-in/refusals.ts';
import { refererTarget } from './sign-in/referer.ts';
import type { Target } from './upstream/upstreams.ts';

/**
 * The service host's half of the hand-off, which gives a host its own session (DESIGN.md section 4.3):
 *
 *     GET /x            no session → 303 DOMAIN/login/handoff?to=https://HOST/x&binding=HASH, cookie: the random value
 *     (main host)       signs in if need be, issues a code for HOST and HASH
 *     /.knot/callback   code and value fit → session cookie of this host, 303 /x
 *                       the browser shows a live session of that sign-in → 303 /x
 *                       else, once: a new start towards /x, bound to this browser; never the session of the code
 *
 * So whoever shows a code that was made for another browser only ever signs in with a sign-in of their own (login CSRF, C7).
 */
export type Handoff = {
  /** Sends a navigation to sign in and, afterwards, back to its own address. */
  begin(exchange: Exchange): Promise<void> | void;
  /** Answers the paths under `/.knot/`, which never reach an upstream. */
  answerReserved(exchange: Exchange): Promise<void>;
  /** The page of the main host on which a person may go on as somebody else; it comes back to what was asked for (`login`). */
  accountPage(asked: { canonical: CanonicalRequest; target: Target }): Promise<string> | string;
};

/** Who comes by a link, and how one that the main host sent over is let in. */
export type GuestEntry = Guests & {
  /** The cookie of this host; undefined for a code that is worth nothing here. */
  redeem(code: string, host: string): Promise<string | undefined>;
};

const guestPath = '/.knot/guest';
const callbackPath = '/.knot/callback';
const signInPath = '/.knot/sign-in';
/**
 * Encoded characters up to which an address travels in another one; it is encoded once more on the sign-in page, and servers in
 * front of the gateway commonly take 8 KiB in a line (nginx `large_client_header_buffers`). A longer one is kept on the server.
 */
const longestTravelling = 2000;

/** Judged on the decoded path, so that no spelling of ours ever reaches an upstream. */
export function isReserved(canonical: CanonicalRequest): boolean {
  return canonical.decodedPath.startsWith('/.knot') && /^\/\.knot(?:\/|$)/.test(canonical.decodedPath);
}

/** Where the page of a form that was not sent is opened again, by way of signing in. */
export function signInAddress(target: string): string {
  return `${signInPath}?to=${encodeURIComponent(target)}`;
}

export function createHandoff({
  sessions,
  publicAddress,
  live,
  guests,
}: {
  sessions: Pick<Sessions, 'redeemCode' | 'cookie' | 'kept' | 'find'>;
  publicAddress: PublicAddress;
  live: Pick<Live, 'isInUse'>;
  guests?: GuestEntry;
}): Handoff {
  /** The address as a parameter: itself, or the id under which it is kept. */
  function carried(address: string, browser: string, { address: client }: CanonicalRequest): Promise<string> | string {
    if (encodeURIComponent(address).length <= longestTravelling) return address;
    return sessions.kept.keep(address, { browser, client: networkOf(client) }).then((id) => `kept:${id}`);
  }

  function begin(exchange: Exchange, target = exchange.canonical.target, isAgain = false): Promise<void> | void {
    const { canonical } = exchange;
    const binding = isAgain ? ownBinding() : sharedBinding(canonical.cookie);
    exchange.reason = 'no_session';
    const send = (to: string): void => {
      const parameters = `to=${encodeURIComponent(to)}&host=${canonical.host}&binding=${binding.hash}`;
      const again = isAgain ? '&again=1' : '';
      redirect(exchange, `${publicAddress.origin}/login/handoff?${parameters}${again}`, binding.setCookie);
    };
    const to = carried(exchange.target.publicOrigin + target, binding.hash, canonical);
    return typeof to === 'string' ? send(to) : to.then(send);
  }

  async function callback(exchange: Exchange): Promise<void> {
    const { canonical, target } = exchange;
    const parameters = new URLSearchParams(canonical.query);
    const redemption = await sessions.redeemCode(parameters.get('code') ?? '', {
      host: canonical.host,
      bindings: shownBindings(canonical.cookie),
      cookie: canonical.cookie,
      device: describeDevice(canonical.userAgent),
      address: canonical.address,
      isInUse: live.isInUse,
    });
    const next = redemption.next !== undefined && isTarget(redemption.next) ? redemption.next : undefined;
    if (next === undefined) return exchange.refuse(handoffFailed(target.route));
    if (redemption.kind === 'started') {
      // What an upstream keeps of who was here before is nothing of theirs.
      const taken = (target.route.switches.ownSignIn ?? []).map(
        (name) => `${name}=; Path=/; Max-Age=0; Secure; HttpOnly`,
      );
      return redirect(exchange, next, [sessions.cookie(redemption.secret), ...taken]);
    }
    if (redemption.kind === 'live') return redirect(exchange, next);
    if (maySignIn(canonical) && !parameters.has('again')) return begin(exchange, next, true);
    exchange.refuse(handoffFailed(target.route, next));
  }

  /** `/.knot/sign-in?to=TARGET`: to the target, with a session of this host. */
  async function signIn(exchange: Exchange): Promise<void> {
    const { canonical } = exchange;
    const to = new URLSearchParams(canonical.query).get('to');
    if (to === null || !isTarget(to)) return exchange.refuse(notFoundHere());
    if (await sessions.find(canonical.cookie, canonical.host)) return redirect(exchange, to);
    return begin(exchange, to);
  }

  /**
   * `/.knot/guest?code=CODE`: a session of this host for whoever holds the link of its service. The code is no sign-in, so that it is not
   * bound to a browser: whom somebody makes open it is a guest of that somebody, and nothing more.
   */
  async function enterAsGuest(exchange: Exchange): Promise<void> {
    const { canonical, target } = exchange;
    const code = new URLSearchParams(canonical.query).get('code') ?? '';
    const cookie = target.route.service && (await guests?.redeem(code, canonical.host));
    if (cookie !== undefined) return redirect(exchange, '/', cookie);
    // Opened once more, by the way back of the browser: who is in already goes on.
    if (await guests?.find(canonical.cookie, canonical.host)) return redirect(exchange, '/');
    exchange.refuse(linkNotOpened(target.route));
  }

  return {
    begin,
    async answerReserved(exchange) {
      const { path, method } = exchange.canonical;
      if (path === callbackPath && method === 'GET') return callback(exchange);
      if (path === signInPath && method === 'GET') return signIn(exchange);
      if (path === guestPath && method === 'GET') return enterAsGuest(exchange);
      return exchange.refuse(notFoundHere());
    },
    accountPage({ canonical, target }) {
      const link = (to: string): string => `${publicAddress.origin}/login/account?next=${encodeURIComponent(to)}`;
      if (!asksForPage(canonical)) return link(`${target.publicOrigin}/`);
      // What a form was sent to may not be opened by GET: back to its page.
      const own = maySignIn(canonical) ? canonical.target : (refererTarget(canonical, target) ?? '/');
      const next = carried(target.publicOrigin + own, sharedBinding(canonical.cookie).hash, canonical);
      return typeof next === 'string' ? link(next) : next.then(link);
    },
  };
}

/** Leads a browser elsewhere, to be asked for by GET; nothing of it is kept. */
export function redirect(exchange: Exchange, location: string, cookie?: string | string[]): void {
  const headers = {
    location,
    ...(cookie !== undefined && { 'set-cookie': cookie }),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  };
  answer(exchange.response, 303, headers, '');
}

/** A path and query of this host by the rule of the edge itself: what it would forward is kept byte for byte (catalogue R1). */
function isTarget(target: string): boolean {
  const facts = readTarget(target);
  return typeof facts !== 'string' && !/^\/\.knot(?:\/|$)/.test(facts.decodedPath);
}
