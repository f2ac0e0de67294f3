import { policiesApi } from '#lib/api/policies.ts';
import { problemIn } from '#lib/api/request.ts';
import type { Explanation, ExplanationQuestion, Refusal } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { Problem } from '#lib/problem.ts';
import type { PageLoad } from './$types';

export type Answer = { explanation: Explanation } | { refusal: Refusal } | { problem: Problem };
/** An address and a person, or the decision id of a refusal. */
export type Question = ExplanationQuestion & { decision: string };

/** The question stands in the address, so that an explanation can be bookmarked and sent. */
export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('policies'));
  const value = (name: string): string => url.searchParams.get(name) ?? '';
  const question = {
    as: value('as'),
    method: value('method') || 'GET',
    url: value('url'),
    decision: value('decision'),
  };
  const [status, answer] = await Promise.all([orErrorPage(policiesApi.status), ask(question)]);
  // Files with rules first: they are what a reader comes for; cases and the schema follow.
  const files = status.files.toSorted((a, b) => Number(b.rules > 0) - Number(a.rules > 0));
  const policies = { ...status, files };
  const file = files.find(({ name }) => name === value('file')) ?? fileToShow(policies);
  return { policies, file, question, answer };
};

async function ask({ decision, ...question }: Question): Promise<Answer | undefined> {
  if (decision === '' && (question.as === '' || question.url === '')) return undefined;
  try {
    if (decision !== '') return { refusal: await policiesApi.refusal(decision) };
    return { explanation: await policiesApi.explain(question) };
  } catch (error) {
    return { problem: problemIn(error) };
  }
}

/** Where something is wrong first, else the first file. */
function fileToShow<F extends { name: string }>(policies: { files: F[]; problems: { file: string }[] }): F | undefined {
  return policies.files.find(({ name }) => name === policies.problems[0]?.file) ?? policies.files[0];
}
