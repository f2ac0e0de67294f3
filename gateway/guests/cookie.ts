import { cookieValues, newSecret } from '../lib/index.ts';

/**
 * What a browser of a guest keeps: a value of its own, which a link for one browser is bound to, and the secrets of the links it opened.
 * Only the pages of guests read it, and each takes from it what its own share needs. `__Host-`: no other host can set it.
 */
export type GuestCookie = { browser: string; links: readonly { id: string; secret: string }[] };

const cookieName = '__Host-knot-guest';
/** The one that was opened longest ago goes: the field has to stay short. */
const mostLinks = 8;
/** As long as a link can live. */
const lifetimeSeconds = 90 * 24 * 3600;
const secretForm = /^[\w-]{43}$/;
const linkForm = /^([0-9a-f-]{36}):([\w-]{43})$/;

export const isSecretForm = (text: string): boolean => secretForm.test(text);

/** A browser that has none, or more than one, which somebody must have tossed, gets a new one. */
export function readGuestCookie(header: string | undefined): GuestCookie {
  const [value = '', ...more] = cookieValues(header, cookieName);
  const [browser = '', ...links] = value.split('.');
  if (more.length > 0 || !secretForm.test(browser)) return { browser: newSecret(), links: [] };
  const known = links.flatMap((link) => {
    const [, id, secret] = linkForm.exec(link) ?? [];
    return id === undefined || secret === undefined ? [] : [{ id, secret }];
  });
  return { browser, links: known.slice(-mostLinks) };
}

export function writeGuestCookie({ browser, links }: GuestCookie, opened: { id: string; secret: string }): string {
  const kept = [...links.filter(({ id }) => id !== opened.id), opened].slice(-mostLinks);
  const value = [browser, ...kept.map(({ id, secret }) => `${id}:${secret}`)].join('.');
  return cookieLine(cookieName, value);
}

/** A `Set-Cookie` of guests: of this host alone, for as long as a link can live. */
export const cookieLine = (name: string, value: string): string =>
  `${name}=${value}; Path=/; Max-Age=${lifetimeSeconds}; Secure; HttpOnly; SameSite=Lax`;
