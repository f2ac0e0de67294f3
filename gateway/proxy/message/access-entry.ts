import { type AccessEntry, type CanonicalRequest, maskSecrets, type PhaseTimes, shownName } from '../../lib/index.ts';
import type { Route } from '../../routes/index.ts';
import type { Visitor } from '../judge/gate.ts';

/** A request or an upgrade that came as far as a route. */
export type RoutedSubject = {
  readonly requestId: string;
  readonly canonical: CanonicalRequest;
  readonly target: { readonly route: Pick<Route, 'name'> };
  readonly visitor: Visitor | undefined;
  readonly verdict: string;
  readonly reason: string;
  readonly decisionId: string | undefined;
  readonly timings: { phases(): PhaseTimes };
};

/** The access line of what came as far as a route. */
export function routedEntry(
  subject: RoutedSubject,
  outcome: { status: number; protocol: AccessEntry['protocol']; bytesIn: number; bytesOut: number },
): AccessEntry {
  const { requestId, canonical, target, visitor, verdict, reason, decisionId, timings } = subject;
  const { method, host, path, address } = canonical;
  const { status, protocol, bytesIn, bytesOut } = outcome;
  return {
    requestId,
    method,
    host,
    path: maskSecrets(path),
    status,
    user: visitor === undefined ? '' : shownName(visitor.principal),
    route: target.route.name,
    verdict,
    reason,
    ...(decisionId === undefined ? {} : { decisionId }),
    address,
    protocol,
    bytesIn,
    bytesOut,
    ...timings.phases(),
  };
}

/** Of a request that was refused before it came to a route, what is known: nothing, when it could not be read. */
export type RefusedFacts = Pick<AccessEntry, 'requestId' | 'status' | 'reason' | 'address'> &
  Partial<Pick<AccessEntry, 'method' | 'host' | 'path' | 'protocol' | 'totalMs'>>;

/** The access line of what was refused at the edge. */
export function refusedEntry(facts: RefusedFacts): AccessEntry {
  const nothing = {
    method: '',
    host: '',
    path: '',
    user: '',
    route: '',
    verdict: '',
    bytesIn: 0,
    bytesOut: 0,
  } as const;
  return { ...nothing, protocol: 'h1', totalMs: 0, ...facts, path: maskSecrets(facts.path ?? '') };
}
