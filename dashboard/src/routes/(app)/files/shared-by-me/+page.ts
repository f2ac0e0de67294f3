import { sharesApi } from '#lib/api/shares.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { readAddress } from '#lib/ui/list/address.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('shares'), changeKey('users'));
  const { given } = await orErrorPage(() => sharesApi.list());
  return { given, address: readAddress(url.searchParams, { sorts: [], filters: {} }) };
};
