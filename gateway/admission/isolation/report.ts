import type { Ground, Result } from './probe.ts';

/** What was tried on a cluster and what came of it, as it is printed and signed. */
export type IsolationReport = {
  format: 'knot-isolation/1';
  /** ISO 8601, UTC. */
  at: string;
  domain: string;
  /** Of Knot, and of the API server. */
  versions: { knot: string; kubernetes: string };
  people: { ann: string; joanna: string; team: string };
  counts: { passed: number; failed: number; untried: number };
  /** What no probe can show, and what the configuration leaves to the network. */
  notes: string[];
  results: Result[];
};

export function reportOf(
  facts: Pick<IsolationReport, 'at' | 'domain' | 'versions' | 'notes'>,
  { ann, joanna, team }: Ground,
  results: Result[],
): IsolationReport {
  const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length;
  return {
    format: 'knot-isolation/1',
    ...facts,
    people: { ann: ann.name, joanna: joanna.name, team: team.name },
    counts: { passed: count('passed'), failed: count('failed'), untried: count('untried') },
    results,
  };
}
