import { platformApi } from '#lib/api/platform.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** The tools. What runs and what could be started stand in the layouts around: a change of one fetches nothing of the others. */
export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('tiles'));
  return orErrorPage(platformApi.tiles);
};
