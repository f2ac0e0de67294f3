import { teamsApi } from '#lib/api/teams.ts';
import type { TeamQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';

const pageSize = 20;

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('teams'));
  const address = readAddress(url.searchParams, { sorts: ['title', 'name', 'members', 'createdAt'], filters: {} });
  const { q, sort, page } = address;
  const query = { q, sort, page, limit: pageSize } as TeamQuery;
  return { ...(await orErrorPage(() => teamsApi.list(query))), address, pageSize };
};
