import { plansApi } from '#lib/api/plans.ts';
import type { OwnerPlanQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import { shape } from './owners.ts';
import type { PageLoad } from './$types';

const pageSize = 20;

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('plans'), changeKey('users'), changeKey('teams'), changeKey('services'));
  const address = readAddress(url.searchParams, shape);
  const { q, sort, page, filters } = address;
  const { isOver, ...rest } = filters;
  const query = { ...rest, q, sort, page, limit: pageSize, ...(isOver ? { isOver: true } : {}) } as OwnerPlanQuery;
  const [{ plans }, owned] = await Promise.all([orErrorPage(plansApi.list), orErrorPage(() => plansApi.owners(query))]);
  return { plans, owned, address, pageSize };
};
