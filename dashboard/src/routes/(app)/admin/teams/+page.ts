import { teamsApi } from '#lib/api/teams.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(topicKey('teams'), topicKey('users'));
  return orErrorPage(teamsApi.list);
};
