import { type CanonicalRequest, isSameOrigin } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';

/** A route, and the origin that its pages have. */
export type RouteOrigin = { readonly route: Pick<Route, 'switches'>; readonly publicOrigin: string };

/**
 * The CSRF rule of every route (catalogue C7, W1): `isSameOrigin` for what changes something. A request without cookies carries no
 * authority that a foreign page could borrow. The handshake of a WebSocket is a GET, and browsers send the page's real `Origin` with
 * it (WebSockets, section 2; RFC 6454), so there `Origin` alone decides; without one, only an `Authorization` of its own does.
 */
export function isCrossOrigin(request: CanonicalRequest, target: RouteOrigin): boolean {
  const { method, origin, fetchSite, cookie, isUpgrade } = request;
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  if ((isSafe && !isUpgrade) || cookie === undefined) return false;
  const { crossOrigins } = target.route.switches;
  if (!isUpgrade) return !isSameOrigin({ origin, secFetchSite: fetchSite }, target.publicOrigin, crossOrigins);
  if (origin === undefined) return request.authorization === undefined;
  return origin !== target.publicOrigin && !isListed(origin, target);
}

/**
 * A CORS preflight (Fetch, "CORS-preflight fetch": OPTIONS with an Origin and one Access-Control-Request-Method, without credentials and
 * content) is forwarded without naming anyone; only for origins the route lists, because without a session nothing else reaches an
 * upstream. What carries more than that comes from a program, and is judged like everything else.
 */
export function isListedPreflight(request: CanonicalRequest, target: RouteOrigin, hasBody: boolean): boolean {
  const { method, origin, rawHeaders, cookie, authorization } = request;
  if (method !== 'OPTIONS' || origin === undefined || !isListed(origin, target)) return false;
  if (cookie !== undefined || authorization !== undefined || hasBody) return false;
  const asked = rawHeaders.filter((_, index) => index % 2 === 1 && isRequestMethod(rawHeaders[index - 1]!));
  return asked.length === 1 && token.test(asked[0]!);
}

const isRequestMethod = (name: string): boolean => name.toLowerCase() === 'access-control-request-method';
/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * What makes an answer of our own readable for a page of a listed origin, so that it sees a 401 for what it is; none for others. What
 * an upstream answers is the upstream's to open.
 */
export function corsHeaders({ origin }: CanonicalRequest, target: RouteOrigin): Readonly<Record<string, string>> {
  if (origin === undefined || !isListed(origin, target)) return nothing;
  return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'Origin' };
}

const nothing = {};

function isListed(origin: string, target: RouteOrigin): boolean {
  return target.route.switches.crossOrigins?.includes(origin) === true;
}
