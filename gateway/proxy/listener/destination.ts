import { type CanonicalRequest, refusedOddity } from '../../lib/index.ts';
import type { Route, Routes } from '../../routes/index.ts';
import { type EdgeRefusal, methodNotAllowed, notCanonical } from '../message/refusals.ts';
import { commonMethods, refusedMethod } from '../wire/methods.ts';

/** Where a canonical request leads: the main host, a route, or the reason it leads nowhere. Asked for each request, and for explanations. */
export type FindDestination = (canonical: CanonicalRequest) => 'main' | Route | EdgeRefusal;

/** Methods beyond the common ones, below one path. */
export type ExtraMethods = { below: string; methods: readonly string[] };

const strictSwitches = { encodedSlash: false };

/** Hosts are found whole, never parsed to find an owner (DESIGN.md section 4). */
export function createDestinations(
  routes: Pick<Routes, 'find'>,
  mainHost: string,
  extra: ExtraMethods = { below: '/', methods: [] },
): FindDestination {
  function isOurs(host: string): boolean {
    return host.endsWith(`.${mainHost}`);
  }

  /** Of the main host, there alone where they are understood. */
  const extraOfMain = (path: string): readonly string[] =>
    path === extra.below || path.startsWith(`${extra.below}/`) ? extra.methods : [];

  return ({ host, method, oddities, path }) => {
    const route = host === mainHost ? undefined : routes.find(host);
    if (route === undefined && host !== mainHost) return notCanonical(isOurs(host) ? 'unknown_host' : 'misdirected');
    const extraMethods = route === undefined ? extraOfMain(path) : route.switches.methods;
    const badMethod = refusedMethod(method, extraMethods);
    if (badMethod === 'method_not_allowed') return methodNotAllowed([...commonMethods, ...extraMethods]);
    const reason = badMethod ?? refusedOddity(oddities, route?.switches ?? strictSwitches);
    if (reason !== undefined) return notCanonical(reason);
    return route ?? 'main';
  };
}
