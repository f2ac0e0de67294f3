import { problemIn } from '#lib/api/request.ts';
import { toolsApi } from '#lib/api/tools.ts';
import type { PageLoad } from './$types';

/** What I or a team of mine used in a month. That Prometheus does not answer is told on the page, with its reason. */
export const load: PageLoad = async ({ url }) => {
  const owner = url.searchParams.get('owner') ?? undefined;
  const month = url.searchParams.get('month') ?? undefined;
  try {
    return { owner, usage: await toolsApi.usage({ owner, month }), problem: undefined };
  } catch (thrown) {
    return { owner, usage: undefined, problem: problemIn(thrown) };
  }
};
