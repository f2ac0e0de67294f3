import type { CanonicalRequest } from '../lib/index.ts';
import type { Target } from './upstreams.ts';

/**
 * The CSRF rule of every route (catalogue C7, W1): what changes something must not come from a page of another origin, sibling
 * hosts included, because those belong to other people. `Origin` decides where a browser sends it; `Sec-Fetch-Site` decides
 * where it does not. A request without cookies carries no authority that a foreign page could borrow.
 */
export function isCrossOrigin(request: CanonicalRequest, target: Target): boolean {
  const { method, origin, fetchSite, cookie, isUpgrade } = request;
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  if (isSafe && !isUpgrade) return false;
  if (origin !== undefined) return origin !== target.publicOrigin && !isListed(origin, target) && cookie !== undefined;
  if (isUpgrade) return cookie !== undefined && request.authorization === undefined;
  return (fetchSite === 'cross-site' || fetchSite === 'same-site') && cookie !== undefined;
}

/**
 * A CORS preflight (Fetch, section 3.2.2) carries no cookies by design, so it is forwarded without naming anyone; only for origins
 * the route lists, because without a session nothing else reaches an upstream.
 */
export function isListedPreflight(request: CanonicalRequest, target: Target): boolean {
  const { method, origin } = request;
  return method === 'OPTIONS' && origin !== undefined && isListed(origin, target);
}

function isListed(origin: string, target: Target): boolean {
  return target.route.switches.crossOrigins?.includes(origin) === true;
}
