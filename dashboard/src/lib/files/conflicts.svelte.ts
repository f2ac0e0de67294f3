/** Asks what to do where a name is taken. One question at a time; the dialog that shows it stands in the frame. */
import type { FileEntry } from '#lib/contract.ts';

export type Choice = 'both' | 'replace' | 'skip';

export type Conflict = {
  /** What comes. */
  coming: { name: string; kind: FileEntry['kind'] };
  /** What is there already. */
  there: FileEntry;
  /** The folder, for the sentence. */
  where: string;
  /** Whether what is there may be replaced: it goes to the trash. */
  canReplace: boolean;
  /** It was changed since the last question about it. */
  isChanged: boolean;
  /** Others may meet the same. */
  isOneOfMany: boolean;
};

/** `isForAll`: for what is met later as well. Undefined: nothing more is done. */
export type Answer = { choice: Choice; isForAll: boolean } | undefined;

class Conflicts {
  asked = $state.raw<Conflict & { answer: (answer: Answer) => void }>();
  #last: Promise<unknown> = Promise.resolve();

  /** Waits for the person. */
  ask(conflict: Conflict): Promise<Answer> {
    const mine = this.#last.then(
      () => new Promise<Answer>((resolve) => (this.asked = { ...conflict, answer: resolve })),
    );
    this.#last = mine.then(() => (this.asked = undefined));
    return mine;
  }
}

export const conflicts = new Conflicts();

/** The same, and what was said for all is not asked again. */
export function createAsker(): (conflict: Conflict) => Promise<Answer> {
  let forAll: Choice | undefined;
  return async (conflict) => {
    const { canReplace, isChanged } = conflict;
    const isMeant = forAll !== undefined && (forAll !== 'replace' || (canReplace && !isChanged));
    if (isMeant) return { choice: forAll!, isForAll: true };
    const answer = await conflicts.ask(conflict);
    if (answer?.isForAll) forAll = answer.choice;
    return answer;
  };
}
