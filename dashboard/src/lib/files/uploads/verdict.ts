/** What becomes of an upload after an attempt: rules without any state of their own. */
import type { Decision, Upload } from './model.ts';
import type { Outcome } from './outcome.ts';

/** `again`: at once, from where it stands. `anew`: read and sent as a whole. `halted`: nothing goes on until somebody signs in. */
export type Verdict = Partial<Upload> & {
  to: 'done' | 'skipped' | 'again' | 'anew' | 'delayed' | 'asked' | 'failed' | 'halted' | 'paused';
};

/** A gateway that answers with errors so often in a row is not getting better by asking. */
const mostErrors = 8;
/** An upload of which something was there and that is gone so often is taken away by somebody. */
const mostLosses = 3;

/** Milliseconds until the next attempt: a second, then twice as long each time, at most half a minute. */
export const delayAfter = (attempts: number): number => Math.min(30_000, 1000 * 2 ** Math.max(0, attempts - 1));

type Circumstances = { decided?: Decision | undefined; isOnline: boolean };

export function verdictOn(
  upload: Upload,
  outcome: Outcome,
  { decided, isOnline }: Circumstances = { isOnline: true },
): Verdict {
  const attempts = upload.attempts + 1;
  switch (outcome.kind) {
    case 'done':
      return { to: 'done', sent: upload.size, problem: undefined };
    case 'known':
      return { to: 'again', hasBegun: true };
    case 'gone':
      if (upload.losses >= mostLosses)
        return failed('Knot lost this upload several times.', 'Try again, or tell an admin.');
      return { to: 'again', ...anotherOne, losses: upload.losses + (upload.sent > 0 ? 1 : 0) };
    case 'later':
      if (outcome.why === 'gateway' && attempts > mostErrors)
        return failed('Knot did not take it, several times in a row.', 'Try again later, or tell an admin.');
      return { to: 'delayed', attempts, problem: { message: waitWords(outcome.why, isOnline) } };
    case 'taken':
      return onTaken(upload, outcome.there, upload.decision ?? decided);
    case 'changed':
      return {
        to: 'asked',
        ...anotherOne,
        decision: undefined,
        ifMatch: undefined,
        hasChanged: true,
        there: undefined,
      };
    case 'mismatch':
      if (upload.isRepeated)
        return failed(
          'What arrived is not what was read on your computer, twice.',
          'Is something writing to the file? Try again when that is done.',
          { ...anotherOne, sha256: undefined },
        );
      return { to: 'anew', ...anotherOne, isRepeated: true };
    case 'signed-out':
      return { to: 'halted' };
    case 'unreadable':
      return failed(
        'It was changed, moved or deleted on your computer after you chose it.',
        'Try again to take it as it is now, or choose it again.',
        {
          ...anotherOne,
          sha256: undefined,
          isRetaken: true,
        },
      );
    case 'refused':
      // What it has of it, it keeps for a while: the reason may be gone before.
      return failed(outcome.problem.message, outcome.problem.remedy);
  }
}

/** Nothing of it is at the gateway, or counts. */
const anotherOne = { hasBegun: false, sent: 0 };

function onTaken(upload: Upload, there: Upload['there'], decision: Decision | undefined): Verdict {
  const here = { ...anotherOne, there };
  if (decision === 'skip') return { to: 'skipped', ...here };
  if (decision === 'beside') return { to: 'again', ...here, decision };
  // Which version is replaced has to be known: who may only add is never told.
  if (decision === 'replace' && there?.kind === 'file') return { to: 'again', ...here, decision, ifMatch: there.etag };
  // What changed is replaced by who looked at it: the next answer says what it is now.
  if (decision === 'replace' && upload.hasChanged) return { to: 'again', ...here, decision, hasChanged: false };
  return { to: 'asked', ...here };
}

function failed(message: string, remedy?: string, more: Partial<Upload> = {}): Verdict {
  return { to: 'failed', ...more, problem: { message, ...(remedy !== undefined && { remedy }) } };
}

function waitWords(why: 'line' | 'busy' | 'gateway', isOnline: boolean): string {
  if (!isOnline) return 'Your computer is offline. It goes on by itself.';
  if (why === 'line') return 'The line is broken. It goes on by itself.';
  return why === 'busy' ? 'Knot is busy with it. It goes on by itself.' : 'Knot has a difficulty. It is tried again.';
}
