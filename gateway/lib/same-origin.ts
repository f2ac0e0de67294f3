/**
 * The CSRF rule for every state-changing request of the main host (Origin and Sec-Fetch-Site; no token): whatever names another
 * origin is refused, sibling hosts included. Every browser sends `Origin` with each POST, PUT, PATCH and DELETE and, to an
 * https address, `Sec-Fetch-Site` with everything (Fetch, section 3.2.3; Fetch Metadata); a request with neither comes from a
 * program, whose cookies no foreign page can borrow. The session cookie is SameSite=Lax besides.
 */
export function isSameOrigin(
  headers: { origin?: string | undefined; secFetchSite?: string | undefined },
  ownOrigin: string,
): boolean {
  const { origin, secFetchSite } = headers;
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') return false;
  return origin === undefined || origin === ownOrigin;
}
