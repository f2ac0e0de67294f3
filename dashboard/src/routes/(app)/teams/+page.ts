import { filesApi } from '#lib/api/files.ts';
import { teamsApi } from '#lib/api/teams.ts';
import type { TeamQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';

const pageSize = 20;

/** My teams, with how full the files of each are where files are available. */
export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('teams'), changeKey('users'), changeKey('plans'), changeKey('areas'));
  const address = readAddress(url.searchParams, { sorts: ['title', 'members'], filters: {} });
  const { q, sort, page } = address;
  const query = { q, sort, page, limit: pageSize, isMine: true } as TeamQuery;
  const [found, list] = await Promise.all([orErrorPage(() => teamsApi.list(query)), orNothing(filesApi.areas())]);
  return { ...found, areas: list?.areas ?? [], address, pageSize };
};
