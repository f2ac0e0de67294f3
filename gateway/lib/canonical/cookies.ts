/** The Cookie and Set-Cookie fields as the gateway reads and rewrites them (RFC 6265 section 4.2, section 5.2). */

/** Values of a cookie by exact, case-sensitive name; more than one when a browser was made to send duplicates. */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return [];
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
  }
  return values;
}

/**
 * A Cookie field without the gateway's own cookies; what stays is byte-identical, in order. Undefined when nothing stays.
 * A pair that holds our name anywhere, in any case, goes: a leading quote, `$Version`, or Unicode space that an upstream might
 * strip does not carry it through (catalogue C1, C4).
 */
export function withoutOwnCookies(header: string): string | undefined {
  return /__host-knot/i.test(header) ? withoutPairs(header, holdsOwnName) : header;
}

/**
 * A Cookie field without the cookies of these names (lower case), as strictly: a pair goes when its name holds one of them in any letter
 * case. Undefined when nothing stays.
 */
export function withoutCookies(header: string, names: readonly string[]): string | undefined {
  return withoutPairs(header, (pair) => isNamed(pair, names));
}

function withoutPairs(header: string, goes: (pair: string) => boolean): string | undefined {
  const kept = header.split(';').filter((pair) => !goes(pair));
  const joined = kept.join(';').replace(/^[ \t]+/, '');
  return joined === '' ? undefined : joined;
}

/** Whether a pair of a Cookie field, or a Set-Cookie field, is of a cookie whose name holds one of these (lower case). */
export function isNamed(pair: string, names: readonly string[]): boolean {
  const name = pair.split('=', 1)[0]!.toLowerCase();
  return names.some((one) => name.includes(one));
}

function holdsOwnName(pair: string): boolean {
  return pair.toLowerCase().includes('__host-knot');
}

/**
 * Whether an upstream may set this cookie through the gateway: not one of ours in any spelling, and not for a parent domain of
 * its host (catalogue H18). `Domain` equal to the host itself is fine.
 */
export function isAcceptableSetCookie(value: string, host: string): boolean {
  const [pair, ...attributes] = value.split(';');
  if (holdsOwnName(pair!)) return false;
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    if (equals === -1 || attribute.slice(0, equals).trim().toLowerCase() !== 'domain') continue;
    const domain = attribute
      .slice(equals + 1)
      .trim()
      .replace(/^\./, '')
      .toLowerCase();
    if (domain !== '' && domain !== host) return false;
  }
  return true;
}
