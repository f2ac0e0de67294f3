/**
 * The session cookie on the wire. The prefix `__Host-` makes browsers refuse it without `Secure`, with `Domain` or with another
 * path (RFC 6265bis section 4.1.3.2), so no sibling host can set it; the reader below does not rely on that alone.
 */
export const cookieName = '__Host-knot';

const secretPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * The secret in a `Cookie` header, or undefined when there is none to be trusted. The name must stand there exactly once, byte
 * for byte, at the beginning of a pair: a second one, a quoted, nameless or prefixed one (`$Version=1,__Host-knot=…`,
 * `\u2000__Host-knot=…`) means that somebody tossed a cookie, and then no session is the safe reading
 * (proxy-security C1; PortSwigger "Cookie Chaos", 2025).
 */
export function readSessionCookie(header: string | undefined): string | undefined {
  if (header === undefined || header.charCodeAt(0) === dollar) return undefined;
  let at = -1;
  for (let next = header.indexOf(cookieName); next !== -1; next = header.indexOf(cookieName, next + 1)) {
    if (isNameCharacter(header.charCodeAt(next + cookieName.length))) continue;
    if (at !== -1) return undefined;
    at = next;
  }
  if (at === -1 || !startsPair(header, at) || header.charCodeAt(at + cookieName.length) !== equals) return undefined;
  const start = at + cookieName.length + 1;
  const end = header.indexOf(';', start);
  const value = end === -1 ? header.slice(start) : header.slice(start, end);
  return secretPattern.test(value) ? value : undefined;
}

const dollar = 0x24;
const equals = 0x3d;
const semicolon = 0x3b;
const space = 0x20;

function startsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && header.charCodeAt(before) === space) before -= 1;
  return before < 0 || header.charCodeAt(before) === semicolon;
}

/** Letters, digits, `-`, `_` and `.` continue a longer name, such as that of the hand-off cookie `__Host-knot-handoff`. */
function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f
  );
}

/** A `Set-Cookie` value that keeps the session for `maxAgeSeconds`; 0 removes it. */
export function writeSessionCookie(secret: string, maxAgeSeconds: number): string {
  return `${cookieName}=${secret}; Path=/; Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}; Secure; HttpOnly; SameSite=Lax`;
}
