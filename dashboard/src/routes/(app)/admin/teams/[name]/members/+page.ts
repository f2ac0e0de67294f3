import { teamsApi } from '#lib/api/teams.ts';
import type { MemberQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';

const pageSize = 20;

export const load: PageLoad = async ({ params, url, depends }) => {
  depends(changeKey('teams'), changeKey('users'));
  const address = readAddress(url.searchParams, {
    sorts: ['name', 'role', 'since'],
    filters: { role: ['manager', 'member'] },
  });
  const { q, sort, page, filters } = address;
  const query = { ...filters, q, sort, page, limit: pageSize } as MemberQuery;
  return { page: await orErrorPage(() => teamsApi.members(params.name, query)), address, pageSize };
};
