/** Moving and copying entries to another folder, also of another area: one after the other, each conflict asked, all of it with one way back. */
import { filesApi } from '#lib/api/files.ts';
import { problemIn } from '#lib/api/request.ts';
import { undoOf, type UndoRequest } from '#lib/api/undo.ts';
import { type Answer, type Conflict, createAsker } from '#lib/files/conflicts.svelte.ts';
import type { Item } from '#lib/files/item.ts';
import { addressOf, childOf, type Place } from '#lib/files/place.ts';
import { readable } from '#lib/files/readable.ts';
import { refresh } from '#lib/live/changes.ts';
import { say, sayWorking, type Work } from '#lib/toasts.svelte.ts';
import { takeBack } from '#lib/undo.ts';
import { counted } from '#lib/words.ts';

export type Transfer = {
  how: 'move' | 'copy';
  items: readonly Item[];
  /** The folder, and what it is called. */
  to: { place: Place; title: string };
};

/** What became of them. */
type Outcome = { done: Item[]; backs: UndoRequest[]; failed: string[]; skipped: string[]; left: number };

const soonMilliseconds = 700;
const words = { move: ['Moving', 'moved'], copy: ['Copying', 'copied'] } as const;

export async function transfer({ how, items, to }: Transfer): Promise<void> {
  const outcome: Outcome = { done: [], backs: [], failed: [], skipped: [], left: 0 };
  const ask = createAsker();
  let work: Work | undefined;
  let isCancelled = false;
  const [doing] = words[how];
  const timer = setTimeout(() => {
    work = sayWorking(
      `${doing} ${counted(items.length, 'entry', 'entries')} to ${to.title}`,
      () => (isCancelled = true),
    );
  }, soonMilliseconds);
  for (const [index, item] of items.entries()) {
    if (isCancelled) {
      outcome.left = items.length - index;
      break;
    }
    work?.tell(index / items.length, `${index} of ${items.length}: ${readable(item.name)}`);
    try {
      const isGoing = await carry(item, { how, to, ask, isOneOfMany: items.length > 1 }, outcome);
      isCancelled ||= !isGoing;
    } catch (error) {
      outcome.failed.push(`${readable(item.name)}: ${problemIn(error).message}`);
    }
  }
  clearTimeout(timer);
  work?.end();
  tell({ how, items, to }, outcome);
  await refresh({ topic: 'files' });
}

type Way = {
  how: 'move' | 'copy';
  to: Transfer['to'];
  ask: (conflict: Conflict) => Promise<Answer>;
  isOneOfMany: boolean;
};

/** Carries one; false when nothing more is to be done. */
async function carry(item: Item, { how, to, ask, isOneOfMany }: Way, outcome: Outcome): Promise<boolean> {
  const isSameFolder = addressOf(item.folder) === addressOf(to.place);
  const target = childOf(to.place, item);
  if (how === 'move' && isSameFolder) return true;
  // A copy beside what it is a copy of needs no question.
  let keepsBoth = how === 'copy' && isSameFolder;
  let seen: string | undefined;
  for (;;) {
    const taken = await attemptOne(item, how, target, keepsBoth, outcome);
    if (!taken) return true;
    const there = await filesApi.entry(target).catch(() => undefined);
    // Gone again, in the meantime.
    if (!there) continue;
    const { entry, rights } = there;
    const isChanged = seen !== undefined && seen !== entry.etag;
    const answer = await ask({
      coming: item,
      there: entry,
      where: to.title,
      canReplace: rights.canWrite,
      isChanged,
      isOneOfMany,
    });
    if (answer === undefined || answer.choice === 'skip') {
      outcome.skipped.push(readable(item.name));
      return answer !== undefined;
    }
    keepsBoth = answer.choice === 'both';
    seen = entry.etag;
    if (!keepsBoth && (await replace(item, how, target, entry.etag, outcome))) return true;
  }
}

/** True when the name is taken. */
async function attemptOne(
  item: Item,
  how: 'move' | 'copy',
  target: Place,
  keepsBoth: boolean,
  outcome: Outcome,
): Promise<boolean> {
  try {
    const answer = await filesApi[how](item.place, target, keepsBoth ? { keepsBoth } : {});
    note(item, answer, outcome);
    return false;
  } catch (error) {
    if (problemIn(error).code === 'KNOT_FILES_TAKEN') return true;
    throw error;
  }
}

/**
 * What is there goes to the trash, if it is still what the person saw, so that it comes back with Undo, whatever it is. False when it was
 * changed meanwhile.
 */
async function replace(
  item: Item,
  how: 'move' | 'copy',
  target: Place,
  etag: string,
  outcome: Outcome,
): Promise<boolean> {
  let gone;
  try {
    gone = await filesApi.trash(target, etag ? { etag } : {});
  } catch (error) {
    const { code } = problemIn(error);
    if (code === 'KNOT_FILES_CHANGED' || code === 'KNOT_FILES_NOT_FOUND') return false;
    throw error;
  }
  try {
    const answer = await filesApi[how](item.place, target);
    outcome.backs.push({ ...undoOf(gone)!, name: readable(item.name), isStep: true });
    note(item, answer, outcome);
    return true;
  } catch (error) {
    await filesApi.restore(target.area, gone.trashed!.id);
    throw error;
  }
}

function note(item: Item, answer: Awaited<ReturnType<typeof filesApi.move>>, { done, backs, failed }: Outcome): void {
  done.push(item);
  backs.push({ ...undoOf(answer)!, name: readable(item.name) });
  for (const name of answer.skipped ?? [])
    failed.push(`${readable(name)} in ${readable(item.name)}: no file, left out`);
}

function tell({ how, items, to }: Transfer, { done, backs, failed, skipped, left }: Outcome): void {
  const [, did] = words[how];
  if (done.length > 0) {
    const what =
      done.length === 1 ? `“${readable(done[0]!.name)}” is` : `${counted(done.length, 'entry', 'entries')} are`;
    const text = `${what} ${did} to ${to.title}.`;
    const about = `many:${crypto.randomUUID()}`;
    say(text, { offer: { label: 'Undo', act: () => takeBack(backs, { text, about }) }, undo: backs, about });
  }
  if (left > 0) say(`Stopped: ${counted(left, 'entry was', 'entries were')} not ${did}.`, { isPassing: true });
  if (skipped.length > 0 && done.length > 0)
    say(`${counted(skipped.length, 'entry', 'entries')} skipped.`, { isPassing: true });
  if (failed.length > 0) {
    const listed = failed.slice(0, 3).join(' ') + (failed.length > 3 ? ` And ${failed.length - 3} more.` : '');
    const intro = items.length === 1 && failed.length === 1 ? '' : `Not done for ${failed.length} of ${items.length}. `;
    say(intro + listed, { tone: 'failed' });
  }
}
