import { platformApi } from '#lib/api/platform.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(topicKey('tiles'));
  return orErrorPage(platformApi.tiles);
};
