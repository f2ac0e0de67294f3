import { problemIn } from '#lib/api/request.ts';
import { toolsApi } from '#lib/api/tools.ts';
import { changeKey } from '#lib/live/changes.ts';
import type { PageLoad } from './$types';

/** The images of mine and my teams. That Harbor does not answer is told on the page, with its reason. */
export const load: PageLoad = async ({ depends }) => {
  depends('knot:images', changeKey('tiles'));
  try {
    return { list: await toolsApi.images(), problem: undefined };
  } catch (thrown) {
    return { list: undefined, problem: problemIn(thrown) };
  }
};
