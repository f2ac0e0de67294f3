import { type CanonicalRequest, readTarget } from '../../lib/index.ts';
import type { Target } from '../upstream/upstreams.ts';

/**
 * The page of this host that a request came from, as a target that the edge would take; undefined when the browser does not say or
 * names another host. Browsers leave the field out under `no-referrer` and cut a long one to its origin (Referrer Policy, section
 * 8.3), which is then no page.
 */
export function refererTarget({ rawHeaders }: CanonicalRequest, { publicOrigin }: Target): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() !== 'referer') continue;
    const referer = rawHeaders[index + 1]!;
    if (!referer.startsWith(`${publicOrigin}/`)) return undefined;
    const target = referer.slice(publicOrigin.length);
    return typeof readTarget(target) === 'string' ? undefined : target;
  }
  return undefined;
}
