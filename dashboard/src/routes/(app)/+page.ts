import { platformApi } from '#lib/api/platform.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('tiles'));
  return orErrorPage(platformApi.tiles);
};
