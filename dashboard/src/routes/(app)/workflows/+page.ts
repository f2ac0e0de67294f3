import { problemIn } from '#lib/api/request.ts';
import { toolsApi } from '#lib/api/tools.ts';
import { changeKey } from '#lib/live/changes.ts';
import type { PageLoad } from './$types';

/** The newest workflows of mine or of a team. That Argo does not answer is told on the page, with its reason. */
export const load: PageLoad = async ({ url, depends }) => {
  depends('knot:workflows', changeKey('tiles'));
  const owner = url.searchParams.get('owner') ?? undefined;
  try {
    return { owner, ...(await toolsApi.workflows({ owner, limit: 50 })), problem: undefined };
  } catch (thrown) {
    return { owner, workflows: [], url: undefined, problem: problemIn(thrown) };
  }
};
