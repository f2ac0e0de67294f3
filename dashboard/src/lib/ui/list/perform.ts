/** One act on many rows: each counted, each failure told by name, and one way back where all of it can come back. */
import { problemIn } from '#lib/api/request.ts';
import { undoOf, type UndoRequest } from '#lib/api/undo.ts';
import { type Offer, say } from '#lib/toasts.svelte.ts';
import { takeBack } from '#lib/undo.ts';

type Performed<T> = {
  rows: readonly T[];
  nameOf: (row: T) => string;
  /** Does it to one row; what the gateway answered holds the way back, where there is one. Throws what refused it. */
  run: (row: T) => Promise<unknown>;
  /** `3 people are approved`, of those for whom it was done. */
  done: (rows: readonly T[]) => string;
  /** Another way on from there than an undo, for those for whom it was done. */
  offer?: (rows: readonly T[]) => Offer | undefined;
  /** Shows what is now; once, after all of them. */
  refresh: () => Promise<unknown>;
};

/** One after the other: each is a transaction of its own, and who comes later is judged by what came before. */
export async function performOnAll<T>({
  rows,
  nameOf,
  run,
  done,
  offer: onward,
  refresh,
}: Performed<T>): Promise<void> {
  const changed: T[] = [];
  const backs: UndoRequest[] = [];
  const failed: string[] = [];
  for (const row of rows) {
    try {
      const back = undoOf(await run(row));
      changed.push(row);
      if (back) backs.push({ ...back, name: nameOf(row) });
    } catch (error) {
      failed.push(`${nameOf(row)}: ${problemIn(error).message}`);
    }
  }
  void refresh();
  if (changed.length > 0) {
    // A part of it taken back is no undo.
    const isAll = backs.length === changed.length;
    const text = done(changed);
    // Of its own, so that whoever takes it back by the toast finds nothing to take back in the tray.
    const about = `many:${crypto.randomUUID()}`;
    const offer = { label: 'Undo', act: () => takeBack(backs, { text, about }) };
    say(text, isAll ? { offer, undo: backs, about } : { offer: onward?.(changed) });
  }
  if (failed.length > 0) {
    const listed = failed.slice(0, 3).join(' ') + (failed.length > 3 ? ` And ${failed.length - 3} more.` : '');
    say(`Not done for ${failed.length} of ${rows.length}. ${listed}`, { tone: 'failed' });
  }
}
