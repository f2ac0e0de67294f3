import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { equalSecrets } from '../../lib/index.ts';
import { readSessionCookie } from '../../sessions/index.ts';

/**
 * Cookies in which an upstream keeps a sign-in of its own (`ownSignIn` of a route) are worth something only beside the session of this
 * host in which they were given: in a browser each ends in a dot and a code (HMAC-SHA-256 over name and value, by the value of that
 * session's cookie), and the upstream is shown only those whose code is right, without it. What somebody else left in the browser, what a
 * neighbouring host set for the whole domain, and what was given before the last sign-out never says who asks.
 */

/** What of a `Cookie` field the upstream is shown, where `session` is the whole field as it came. Undefined when nothing stays. */
export function withoutForeignSignIns(
  header: string,
  names: readonly string[],
  session: string | undefined,
): string | undefined {
  const secret = readSessionCookie(session);
  const kept: string[] = [];
  for (const pair of header.split(';')) {
    const name = ownNameOf(pair, names);
    if (name === undefined) kept.push(pair);
    else {
      const own = secret === undefined ? undefined : untied(pair, name, secret);
      if (own !== undefined) kept.push(` ${name}=${own}`);
    }
  }
  const joined = kept.join(';').replace(/^[ \t]+/, '');
  return joined === '' ? undefined : joined;
}

/** A `Set-Cookie` value as the browser gets it; undefined where there is no session that it could be tied to. */
export function tiedSignIn(
  setCookie: string,
  names: readonly string[],
  session: string | undefined,
): string | undefined {
  const end = setCookie.indexOf(';');
  const pair = end === -1 ? setCookie : setCookie.slice(0, end);
  const name = ownNameOf(pair, names);
  if (name === undefined) return setCookie;
  const secret = readSessionCookie(session);
  if (secret === undefined) return undefined;
  const value = pair.slice(pair.indexOf('=') + 1).trim();
  return `${name}=${value}.${codeOf(name, value, secret)}${end === -1 ? '' : setCookie.slice(end)}`;
}

/**
 * Which of the names a pair has, as the most generous upstream would read it: in any letter case, behind space or a quote. Only the name
 * itself counts (`grafana_session_expiry` is another cookie).
 */
function ownNameOf(pair: string, names: readonly string[]): string | undefined {
  const called = pair.split('=', 1)[0]!.replaceAll(/[\s"]/g, '').toLowerCase();
  return names.find((name) => name.toLowerCase() === called);
}

function untied(pair: string, name: string, secret: string): string | undefined {
  const at = pair.indexOf('=');
  if (at === -1 || pair.slice(0, at).replace(/^[ \t]+/, '') !== name) return undefined;
  const tied = pair.slice(at + 1).trim();
  const dot = tied.lastIndexOf('.');
  if (dot === -1) return undefined;
  const value = tied.slice(0, dot);
  return equalSecrets(tied.slice(dot + 1), codeOf(name, value, secret)) ? value : undefined;
}

const mostCodes = 2_000;
const longestKept = 4_096;
/** A browser shows the same one with each request: five microseconds and more, each time. */
const codes = new LRUCache<string, string>({ max: mostCodes });

function codeOf(name: string, value: string, secret: string): string {
  const text = `${name}=${value}`;
  // A secret has no space in it.
  const key = `${secret} ${text}`;
  const known = codes.get(key);
  if (known !== undefined) return known;
  const code = createHmac('sha256', secret).update(text).digest('base64url');
  if (key.length <= longestKept) codes.set(key, code);
  return code;
}
