import type { Mark } from '#lib/ui/mark.ts';
import type { Place, PlaceStep, PreparationStep } from '#lib/contract.ts';

/** Said of a place as a whole; `whose` begins the sentence: `Your place`, `The place of ann`. */
export function placeWords(whose: string, place: Pick<Place, 'state' | 'namespace'> | undefined): string {
  switch (place?.state) {
    case undefined:
    case 'making':
      return `${whose} in the cluster is being made. Nothing has to be done for it.`;
    case 'ready':
      return `The namespace ${place.namespace} is as it shall be.`;
    case 'failed':
      return `${whose} in the cluster is not complete. Knot goes on trying.`;
    case 'paused':
      return `The account is disabled: nothing runs in ${place.namespace}, and what was there is kept.`;
    case 'leaving':
      return `${whose} in the cluster is being removed.`;
  }
}

/** A place as mark and word. */
export const placeStates: Record<Place['state'], { mark: Mark; word: string }> = {
  making: { mark: 'working', word: 'Being made' },
  ready: { mark: 'ready', word: 'Ready' },
  failed: { mark: 'failed', word: 'Something is in the way' },
  paused: { mark: 'asleep', word: 'Disabled' },
  leaving: { mark: 'waiting', word: 'Being removed' },
};

/** Steps as long work shows them. What is done shows no time: it may have been so for months. */
export const shownSteps = (steps: readonly PlaceStep[]): PreparationStep[] =>
  steps.map(({ title, state, since }) => ({
    ...{ title, state: state === 'doing' ? 'working' : state },
    ...((state === 'doing' || state === 'failed') && { startedAt: since }),
  }));

/** Why it is not there yet, each reason once. */
export const causesOf = (steps: readonly PlaceStep[]): string[] => [
  ...new Set(steps.flatMap(({ state, cause }) => (state === 'done' || cause === undefined ? [] : [cause]))),
];
