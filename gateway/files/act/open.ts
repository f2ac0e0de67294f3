import { type AreaFolders } from '../walk/areas.ts';
import { createJournal } from './journal.ts';
import type { Acts } from './move.ts';
import { forgetGoneRuns, openRuns } from './runs.ts';
import { knownAreas, recoverArea } from './recover.ts';

export type OpenActs = Acts & {
  /** Ends what gateways that are gone left half done in all areas. Acts may go on meanwhile: what they do has their own names. */
  recover(): Promise<void>;
  close(): void;
};

/** Makes the acts on the areas. */
export function openActs(areas: AreaFolders): OpenActs {
  const runs = openRuns(areas.back);
  const acts = { areas, runs, journal: createJournal({ areas, runs }) };
  return {
    ...acts,
    async recover() {
      for (const area of knownAreas(areas)) await recoverArea(acts, area);
      await forgetGoneRuns(areas.back, runs);
    },
    close: () => runs.close(),
  };
}
