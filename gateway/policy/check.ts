import { type Clock, systemClock } from '../lib/index.ts';
import { tryCandidate } from './candidate.ts';
import { readFolder } from './folder.ts';
import { versionOf } from './rule-set.ts';
import { type PolicyStatus, readFiles } from './status.ts';

/**
 * What a gateway would say to this folder: parses, validates and runs the cases, without watching and without any effect on a
 * set in force. For `knot policy check|test`.
 */
export async function checkFolder(folder: string, clock: Clock = systemClock): Promise<PolicyStatus> {
  const snapshot = await readFolder(folder);
  const { problems, casesPassed, ruleCounts } = await tryCandidate(snapshot);
  const isCurrent = !problems.some(({ severity }) => severity === 'error');
  return {
    version: isCurrent ? versionOf(snapshot) : 'none',
    loadedAt: clock.now(),
    isCurrent,
    files: readFiles(snapshot, ruleCounts),
    problems,
    casesPassed,
  };
}
