import { teamsApi } from '#lib/api/teams.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ params, depends }) => {
  depends(changeKey('teams'));
  return { team: await orErrorPage(() => teamsApi.find(params.name)) };
};
