/** One act on many rows: each counted, each failure told by name, and one way back where all of it can come back. */
import { problemIn } from '#lib/api/request.ts';
import { say, sayProblem, type Offer } from '#lib/toasts.svelte.ts';
import { counted } from '#lib/words.ts';

/** Takes one act back. */
export type Back = () => Promise<unknown>;

export type Performed<T> = {
  rows: readonly T[];
  nameOf: (row: T) => string;
  /** Does it to one row; answers the way back, where there is one. Throws what refused it. */
  run: (row: T) => Promise<Back | undefined>;
  /** `3 people are approved`, of those for whom it was done. */
  done: (rows: readonly T[]) => string;
  /** Shows what is now; once, after all of them. */
  refresh: () => Promise<unknown>;
};

/** One after the other: each is a transaction of its own, and who comes later is judged by what came before. */
export async function performOnAll<T>({ rows, nameOf, run, done, refresh }: Performed<T>): Promise<void> {
  const changed: T[] = [];
  const backs: Back[] = [];
  const failed: string[] = [];
  for (const row of rows) {
    try {
      const back = await run(row);
      changed.push(row);
      if (back) backs.push(back);
    } catch (error) {
      failed.push(`${nameOf(row)}: ${problemIn(error).message}`);
    }
  }
  void refresh();
  if (changed.length > 0) {
    // A part of it taken back is no undo.
    const isAll = backs.length === changed.length;
    say(done(changed), { offer: isAll ? offerOf(backs, changed, nameOf, refresh) : undefined });
  }
  if (failed.length > 0) {
    const listed = failed.slice(0, 3).join(' ') + (failed.length > 3 ? ` And ${failed.length - 3} more.` : '');
    say(`Not done for ${failed.length} of ${rows.length}. ${listed}`, { tone: 'failed' });
  }
}

function offerOf<T>(
  backs: readonly Back[],
  rows: readonly T[],
  nameOf: (row: T) => string,
  refresh: () => unknown,
): Offer {
  const act = async (): Promise<void> => {
    const failed: string[] = [];
    for (const [index, back] of backs.entries()) {
      await back().catch(() => failed.push(nameOf(rows[index]!)));
    }
    refresh();
    if (failed.length === 0) say(`Undone for ${counted(backs.length, 'row', 'rows')}.`);
    else say(`Not undone for ${failed.join(', ')}: changed by somebody else meanwhile.`, { tone: 'failed' });
  };
  return { label: 'Undo', act: () => act().catch(sayProblem) };
}
