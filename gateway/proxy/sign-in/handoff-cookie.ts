import { cookieValues, hashSecret, newSecret } from '../../lib/index.ts';

/**
 * The random value that binds a sign-in to the browser that asked for it. The prefix `__Host-` keeps sibling hosts from setting it
 * (RFC 6265bis section 4.1.3.2). A browser without one gets it under one name, which further tabs use again; of several answers
 * on their way at the same time the last one wins, and the others then start anew under a name of their own, which no other
 * answer overwrites.
 */
export type Binding = { hash: string; setCookie: string };

const cookieName = '__Host-knot-handoff';
const cookieSeconds = 600;
const secretPattern = /^[A-Za-z0-9_-]{43}$/;
const namePattern = /(?:^|;)\s*(__Host-knot-handoff(?:-[A-Za-z0-9_-]{12})?)=/g;
/** Names that are looked at; browsers keep about 180 cookies of a site. */
const mostNames = 200;

/** What a first start is bound to: the browser's own value, or a new one. */
export function sharedBinding(cookie: string | undefined): Binding {
  return bindingOf(cookieName, ownSecret(cookie, cookieName) ?? newSecret());
}

/** What a start that is made anew is bound to. */
export function ownBinding(): Binding {
  const secret = newSecret();
  return bindingOf(`${cookieName}-${hashSecret(secret).slice(0, 12)}`, secret);
}

/** The hashes of all values that the browser shows. */
export function shownBindings(cookie: string | undefined): string[] {
  if (cookie === undefined || !cookie.includes(cookieName)) return [];
  const names = new Set<string>();
  for (const [, name] of cookie.matchAll(namePattern)) if (names.size < mostNames) names.add(name!);
  return [...names].flatMap((name) => ownSecret(cookie, name) ?? []).map(hashSecret);
}

function bindingOf(name: string, secret: string): Binding {
  const setCookie = `${name}=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${cookieSeconds}`;
  return { hash: hashSecret(secret), setCookie };
}

/** The value of a name if it is one of ours and stands once; anything else is as good as none. */
function ownSecret(cookie: string | undefined, name: string): string | undefined {
  const values = cookieValues(cookie, name);
  return values.length === 1 && secretPattern.test(values[0]!) ? values[0] : undefined;
}
