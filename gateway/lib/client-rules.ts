/**
 * What may be registered for a client of the OpenID Provider: one rule each for `knot.yaml`, the command line, the API and the
 * provider. Each returns what is wrong in words that follow the name of the field, or undefined.
 */

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Of an application on a device: a domain the other way round (RFC 8252 section 7.1). */
const privateScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/;

/**
 * Codes travel in the address: only TLS, this machine, or an application's own scheme may carry one (RFC 9700 section 2.6).
 * Compared exactly, so there is nothing to widen it with.
 */
export function redirectUriProblem(uri: string, isPublic: boolean): string | undefined {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const isAllowed =
    url !== undefined &&
    (url.protocol === 'https:' ||
      (url.protocol === 'http:' && loopback.has(url.hostname)) ||
      (isPublic && privateScheme.test(url.protocol)));
  if (isAllowed && isPlain(uri, url)) return undefined;
  return 'must be an exact https:// address without fragment, user or wildcard (http:// only for localhost, 127.0.0.1 and [::1])';
}

/** OpenID Connect Back-Channel Logout 1.0, section 2.2: plain HTTP is for confidential clients, and carries no secret. */
export function backchannelUriProblem(uri: string, isPublic: boolean): string | undefined {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && !isPublic);
  if (isAllowed && isPlain(uri, url)) return undefined;
  return `must be an exact https:// address without fragment, user or wildcard${isPublic ? '' : ' (or http:// inside a network of yours)'}`;
}

function isPlain(uri: string, url: URL): boolean {
  // What the URL parser would cut off or drop is refused: the text itself is compared and printed.
  return !/[#*\\\s\p{Cc}]/u.test(uri) && url.username === '' && url.password === '' && uri.length <= 2048;
}

/** RFC 6749 appendix A.2 allows `%x20-7E`; anything else cannot be sent in Basic credentials. */
export function secretProblem(secret: string): string | undefined {
  if (!/^[\x20-\x7e]+$/.test(secret))
    return 'holds a character outside the printable ASCII ones (RFC 6749, appendix A.2)';
  if (secret.length > 1024) return 'is longer than 1024 characters';
  return undefined;
}

/**
 * Basic credentials are form-encoded first (RFC 6749 section 2.3.1), which many clients forget. `%` and `+` then read as something
 * else; every other character comes out the same.
 */
export function secretWarning(secret: string): string | undefined {
  if (!/[%+]/.test(secret)) return undefined;
  return 'holds % or +, which a client must encode in Basic credentials (RFC 6749 section 2.3.1) and many do not: choose one without';
}

/** Letters, digits, `.`, `_` and `-` need no encoding in Basic credentials. */
export const clientIdPattern = '^[A-Za-z0-9._-]{1,80}$';
