import { filesApi } from '#lib/api/files.ts';
import { plansApi } from '#lib/api/plans.ts';
import { teamsApi } from '#lib/api/teams.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** The team, what I am in it, and its files where files are available. */
export const load: LayoutLoad = async ({ params, depends, parent }) => {
  depends(changeKey('teams'), changeKey('plans'), changeKey('areas'));
  const { me } = await parent();
  const [team, { owners }, list] = await Promise.all([
    orErrorPage(() => teamsApi.find(params.name)),
    orErrorPage(plansApi.mine),
    orNothing(filesApi.areas()),
  ]);
  return {
    team,
    own: owners.find(({ kind, name }) => kind === 'team' && name === team.name),
    area: list?.areas.find(({ name }) => name === `team:${team.name}`),
    isManager: me.user.teams.some(({ name, role }) => name === team.name && role === 'manager'),
  };
};
