/**
 * The CSRF rule for every state-changing request (Origin and Sec-Fetch-Site; no token). A browser always sends `Origin` with
 * a cross-site POST; a missing `Origin` is accepted only when `Sec-Fetch-Site` says `same-origin`, or when neither is
 * there and the request carries no cookie (a command-line client with its own credential).
 */
export function isSameOrigin(
  headers: { origin?: string | undefined; secFetchSite?: string | undefined; hasCookie: boolean },
  ownOrigin: string,
): boolean {
  const { origin, secFetchSite, hasCookie } = headers;
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') return false;
  if (origin !== undefined) return origin === ownOrigin;
  return secFetchSite === 'same-origin' || !hasCookie;
}
