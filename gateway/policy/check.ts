import { type Clock, systemClock } from '../lib/index.ts';
import { releaseSlot, takeSlot } from './engine.ts';
import { readFolder } from './folder.ts';
import { load } from './load.ts';
import type { PolicyStatus } from './status.ts';

/**
 * What a gateway would say to this folder: parses, validates and runs the cases, without watching and without any effect on a
 * set in force. For `knot policy check|test`.
 */
export async function checkFolder(folder: string, clock: Clock = systemClock): Promise<PolicyStatus> {
  const snapshot = await readFolder(folder);
  const slot = takeSlot();
  try {
    const { set, files, problems, casesPassed } = await load(snapshot, slot.candidate);
    return {
      version: set?.version ?? 'none',
      loadedAt: clock.now(),
      isCurrent: set !== undefined,
      files,
      problems,
      casesPassed,
    };
  } finally {
    releaseSlot(slot);
  }
}
