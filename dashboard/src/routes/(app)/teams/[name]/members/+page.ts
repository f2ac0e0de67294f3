import { changeKey } from '#lib/live/changes.ts';
import { loadMembers } from '#lib/teams/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = ({ params, url, depends }) => {
  depends(changeKey('teams'), changeKey('users'));
  return loadMembers(params.name, url.searchParams);
};
