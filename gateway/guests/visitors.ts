import { cookieValues, hashSecret, type Principal, type Session } from '../lib/index.ts';
import { type GuestVisit, guestOf, type Shares } from '../shares/index.ts';
import { cookieLine, isSecretForm } from './cookie.ts';

/**
 * Who holds the link of a service, on the host of that service. What their browser keeps there is of that host alone: it is no session
 * of the main host, and opens no other. `__Host-`: no other host can set it.
 */
export type GuestVisitors = {
  /** From what is known here: undefined means "ask `find`", null means nobody. */
  peek(cookie: string | undefined, host: string): Guest | null | undefined;
  /** Also asked for each look at a long stream. */
  find(cookie: string | undefined, host: string): Promise<Guest | null>;
  /** The cookie of a guest whom the main host sent over with a code; undefined for a code that is worth nothing here. */
  redeem(code: string, host: string): Promise<string | undefined>;
};

type Guest = { session: Session; principal: Principal };

const cookieName = '__Host-knot-visit';

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
      const secret = isSecretForm(code) ? await shares.redeemVisit(code, host) : undefined;
      return secret === undefined ? undefined : cookieLine(cookieName, secret);
    },
  };
}

/** More than one of the name: somebody must have tossed one, and then it is nobody. */
function secretIn(cookie: string | undefined): string | undefined {
  const [value, ...more] = cookieValues(cookie, cookieName);
  return value !== undefined && more.length === 0 && isSecretForm(value) ? value : undefined;
}

function guestAt({ share, browser, startedAt }: GuestVisit, host: string): Guest {
  const principal = guestOf(share);
  const id = `${principal.id}:${browser}`;
  const expiresAt = share.expiresAt ?? Infinity;
  return {
    principal,
    session: { id, centralId: id, userId: principal.id, host, startedAt, authenticatedAt: startedAt, expiresAt },
  };
}

/** What the browser of a guest is known as: the value it keeps is worth a link that is bound to it, and stays with it. */
export const browserOf = (kept: string): string => hashSecret(kept).slice(0, 16);

/** As what the browser of a guest is noted among those who came; the same on the pages of files. */
export const whoOfBrowser = (browser: string): string => `guest:${browserOf(browser)}`;

/** The same, of a guest on the host of a service. */
export const whoOfGuest = ({ id }: Pick<Session, 'id'>): string => `guest:${id.slice(id.lastIndexOf(':') + 1)}`;
