import { cookieValues, hashSecret, type Principal, type Session } from '../lib/index.ts';
import { type GuestVisit, guestOf, type Shares } from '../shares/index.ts';

/**
 * Who holds the link of a service, on the host of that service. What their browser keeps there is of that host alone: it is no session
 * of the main host, and opens no other. `__Host-`: no other host can set it.
 */
export type GuestVisitors = {
  /** From what is known here: undefined means "ask `find`", null means nobody. Also asked for each look at a long stream. */
  peek(cookie: string | undefined, host: string): Guest | null | undefined;
  find(cookie: string | undefined, host: string): Promise<Guest | null>;
  /** The cookie of a guest whom the main host sent over with a code; undefined for a code that is worth nothing here. */
  redeem(code: string, host: string): Promise<string | undefined>;
};

type Guest = { session: Session; principal: Principal };

const cookieName = '__Host-knot-visit';
const secretForm = /^[\w-]{43}$/;
/** As long as a link can live. */
const lifetimeSeconds = 90 * 24 * 3600;

export function createGuestVisitors(shares: Pick<Shares, 'peekVisit' | 'findVisit' | 'redeemVisit'>): GuestVisitors {
  return {
    peek(cookie, host) {
      const secret = secretIn(cookie);
      if (secret === undefined) return null;
      const visit = shares.peekVisit(secret, host);
      return visit && guestAt(visit, host);
    },
    async find(cookie, host) {
      const secret = secretIn(cookie);
      const visit = secret === undefined ? null : await shares.findVisit(secret, host);
      return visit && guestAt(visit, host);
    },
    async redeem(code, host) {
      const secret = secretForm.test(code) ? await shares.redeemVisit(code, host) : undefined;
      if (secret === undefined) return undefined;
      return `${cookieName}=${secret}; Path=/; Max-Age=${lifetimeSeconds}; Secure; HttpOnly; SameSite=Lax`;
    },
  };
}

/** More than one of the name: somebody must have tossed one, and then it is nobody. */
function secretIn(cookie: string | undefined): string | undefined {
  const [value, ...more] = cookieValues(cookie, cookieName);
  return value !== undefined && more.length === 0 && secretForm.test(value) ? value : undefined;
}

function guestAt({ share, browser, startedAt }: GuestVisit, host: string): Guest {
  const principal = guestOf(share);
  const id = `${principal.id}:${browserOf(browser)}`;
  const expiresAt = share.expiresAt ?? Infinity;
  return {
    principal,
    session: { id, centralId: id, userId: principal.id, host, startedAt, authenticatedAt: startedAt, expiresAt },
  };
}

const browserOf = (browser: string): string => hashSecret(browser).slice(0, 16);

/** As what the browser of a guest is noted among those who came; the same on the pages of files. */
export const whoOfBrowser = (browser: string): string => `guest:${browserOf(browser)}`;

/** The same, of a guest on the host of a service. */
export const whoOfGuest = ({ id }: Pick<Session, 'id'>): string => `guest:${id.slice(id.lastIndexOf(':') + 1)}`;
