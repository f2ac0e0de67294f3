import { api } from '#lib/api.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends, parent }) => {
  depends(topicKey('tiles'), topicKey('health'));
  const tiles = orErrorPage(api.tiles());
  const { me } = await parent();
  const health = me.canAdminister ? await orNothing(api.health()) : undefined;
  return { tiles: (await tiles).tiles, health };
};
