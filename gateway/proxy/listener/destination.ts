import { hostBelowApps, type PublicAddress } from '../../config/index.ts';
import { type CanonicalRequest, refusedOddity } from '../../lib/index.ts';
import type { Route, Routes } from '../../routes/index.ts';
import { type EdgeRefusal, methodNotAllowed, movedToApps, notCanonical } from '../message/refusals.ts';
import { commonMethods, refusedMethod } from '../wire/methods.ts';

/** Where a canonical request leads: the main host, a route, or the reason it leads nowhere. Asked for each request, and for explanations. */
export type FindDestination = (canonical: CanonicalRequest) => 'main' | Route | EdgeRefusal;

/** Methods beyond the common ones, below one path. */
export type ExtraMethods = { below: string; methods: readonly string[] };

const strictSwitches = { encodedSlash: false };

/** The names of an installation, and the address that a host has. */
export type HostNames = Pick<PublicAddress, 'domain' | 'appsDomain' | 'originOf'>;

/** Whether a host is one of ours or below one, whatever is there. */
export const isOurs = (host: string, { domain, appsDomain }: Pick<HostNames, 'domain' | 'appsDomain'>): boolean =>
  [domain, appsDomain].some((name) => name !== undefined && (host === name || host.endsWith(`.${name}`)));

/** Hosts are found whole, never parsed to find an owner (DESIGN.md section 4). */
export function createDestinations(
  routes: Pick<Routes, 'find'>,
  names: HostNames,
  extra: ExtraMethods = { below: '/', methods: [] },
): FindDestination {
  const mainHost = names.domain;

  function unknown(canonical: CanonicalRequest): EdgeRefusal {
    const { host } = canonical;
    if (!isOurs(host, names)) return notCanonical('misdirected');
    const there = hostBelowApps(names, host);
    if (there === undefined) return notCanonical('unknown_host');
    return movedToApps(names.appsDomain!, names.originOf(there) + canonical.target);
  }

  /** Of the main host, there alone where they are understood. */
  const extraOfMain = (path: string): readonly string[] =>
    path === extra.below || path.startsWith(`${extra.below}/`) ? extra.methods : [];

  return (canonical) => {
    const { host, method, oddities, path } = canonical;
    const route = host === mainHost ? undefined : routes.find(host);
    if (route === undefined && host !== mainHost) return unknown(canonical);
    const extraMethods = route === undefined ? extraOfMain(path) : route.switches.methods;
    const badMethod = refusedMethod(method, extraMethods);
    if (badMethod === 'method_not_allowed') return methodNotAllowed([...commonMethods, ...extraMethods]);
    const reason = badMethod ?? refusedOddity(oddities, route?.switches ?? strictSwitches);
    if (reason !== undefined) return notCanonical(reason);
    return route ?? 'main';
  };
}
