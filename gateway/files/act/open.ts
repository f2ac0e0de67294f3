import { type AreaFolders } from '../walk/areas.ts';
import { createJournal } from './journal.ts';
import type { Acts } from './move.ts';
import { forgetGoneRuns, openRuns } from './runs.ts';
import { knownAreas, recoverArea } from './recover.ts';

/** Makes the acts on the areas, and ends what gateways that are gone left half done. */
export async function openActs(areas: AreaFolders): Promise<Acts & { close(): void }> {
  const runs = openRuns(areas.back);
  const acts = { areas, runs, journal: createJournal({ areas, runs }) };
  for (const area of knownAreas(areas)) await recoverArea(acts, area);
  await forgetGoneRuns(areas.back, runs);
  return { ...acts, close: () => runs.close() };
}
