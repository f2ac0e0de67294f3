/**
 * The one CSRF rule, for whatever changes something, on every host (catalogue C7, C8; no token): did the request come from a page of
 * its own origin? Sibling hosts belong to other people, so "same-site" is not enough.
 *
 * - `Sec-Fetch-Site` decides where a browser sends it, which all do to an https address since 2023: `same-origin`, or `none` for
 *   what no page asked for (Fetch Metadata, section 2.3). No page can change or leave out that field. `Origin` cannot decide
 *   beside it: a page with `Referrer-Policy: no-referrer` sends `null` with its own forms (Fetch, "append a request `Origin`
 *   header"), a tunnel changes the port. Anything but one of those two words, exactly and once, is another origin.
 * - Without it `Origin` decides, which browsers send with each POST, PUT, PATCH and DELETE since 2020; `null` is then another one.
 * - A request with neither comes from a program, whose cookies no foreign page can borrow.
 * - An origin in `listed` is let in either way.
 *
 * Go's `net/http.CrossOriginProtection` draws the same lines.
 */
export function isSameOrigin(
  headers: { origin?: string | undefined; secFetchSite?: string | readonly string[] | undefined },
  ownOrigin: string,
  listed: readonly string[] = nobody,
): boolean {
  const { origin, secFetchSite } = headers;
  if (origin !== undefined && listed.includes(origin)) return true;
  if (secFetchSite !== undefined) return secFetchSite === 'same-origin' || secFetchSite === 'none';
  return origin === undefined || origin === ownOrigin;
}

const nobody: readonly string[] = [];

/**
 * Words for a refused origin that is no other site at all, but this host on another port (a tunnel, a forwarded port) or by http: what
 * was opened and what is expected. Undefined for every other one.
 *
 * @param origin as a browser sent it, or `https://` and a Host field
 */
export function otherPort(
  origin: string | undefined,
  ownOrigin: string,
): { message: string; remedy: string } | undefined {
  if (origin === undefined || origin === ownOrigin || !URL.canParse(origin)) return undefined;
  const opened = new URL(origin);
  if (opened.hostname !== new URL(ownOrigin).hostname || opened.origin === ownOrigin) return undefined;
  return {
    message: `You opened this as ${opened.origin}, and it is at ${ownOrigin}.`,
    remedy: `Open ${ownOrigin}. If people reach it through another port, an administrator sets publicPort in knot.yaml to that.`,
  };
}
