/** What every `load` does with a failed question: the error page, in the API's own words. */
import { error } from '@sveltejs/kit';
import { problemIn } from '#lib/api.ts';

/** Waits for an answer; a refusal becomes the error page with its status. */
export async function orErrorPage<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    const problem = problemIn(thrown);
    return error(problem.status >= 400 ? problem.status : 503, problem);
  }
}

/** Waits for an answer that the page can do without. */
export function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch(() => undefined);
}
