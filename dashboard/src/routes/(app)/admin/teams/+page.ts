import { teamsApi } from '#lib/api/teams.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('teams'), changeKey('users'));
  return orErrorPage(teamsApi.list);
};
