/** What every `load` does with a failed question: waits for Knot to come back, or shows the error page in the API's own words. */
import { error } from '@sveltejs/kit';
import { problemIn } from '#lib/api/request.ts';
import { awaitKnot, isPageShown } from '#lib/absence.svelte.ts';
import type { Problem } from '#lib/problem.ts';

/**
 * Asks; a refusal becomes the error page with its status. While Knot cannot be reached a page that is shown stays as it is,
 * with its address: the question is asked again until it is answered, or until the person goes somewhere else.
 */
export async function orErrorPage<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (thrown) {
      const problem = problemIn(thrown);
      if (!isAway(problem) || !isPageShown()) error(problem.status >= 400 ? problem.status : 503, problem);
      await awaitKnot();
    }
  }
}

/** Waits for an answer that the page can do without. */
export function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch(() => undefined);
}

/** Nothing answered, or something in front of Knot did in its place: what Knot says itself has a code. */
function isAway({ status, code }: Problem): boolean {
  return status === 0 || (code === 'UNKNOWN' && [502, 503, 504].includes(status));
}
