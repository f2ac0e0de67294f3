import { problemIn } from '#lib/api/request.ts';
import { toolsApi } from '#lib/api/tools.ts';
import { changeKey } from '#lib/live/changes.ts';
import type { PageLoad } from './$types';

/** The images of mine and my teams. That Harbor does not answer is told on the page, with its reason. */
export const load: PageLoad = async ({ depends }) => {
  depends('knot:images', changeKey('tiles'));
  try {
    const login = toolsApi.dockerLogin().catch(() => undefined);
    return { list: await toolsApi.images(), login: await login, problem: undefined };
  } catch (thrown) {
    return { list: undefined, login: undefined, problem: problemIn(thrown) };
  }
};
