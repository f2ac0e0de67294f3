/** How a workflow is said to stand. */
import type { WorkflowInList } from '#lib/contract.ts';
import type { Mark } from '#lib/ui/mark.ts';
import { duration } from '#lib/words.ts';

type Standing = Pick<WorkflowInList, 'state' | 'isSuspended' | 'isStopping'>;

export function standingOf({ state, isSuspended, isStopping }: Standing): { mark: Mark; words: string } {
  if (isStopping) return { mark: 'waiting', words: 'Stopping' };
  if (isSuspended) return { mark: 'asleep', words: 'Waits to go on' };
  switch (state) {
    case 'Pending':
      return { mark: 'waiting', words: 'Waits' };
    case 'Running':
      return { mark: 'working', words: 'Runs' };
    case 'Succeeded':
      return { mark: 'ready', words: 'Succeeded' };
    case 'Failed':
    case 'Error':
      return { mark: 'failed', words: 'Failed' };
  }
}

/** `2 min 5 s`, so far or in all; undefined before the first step. */
export function lasted(
  { startedAt, finishedAt }: Pick<WorkflowInList, 'startedAt' | 'finishedAt'>,
  now: number,
): string | undefined {
  return startedAt === undefined ? undefined : duration(Math.max(0, (finishedAt ?? now) - startedAt));
}
