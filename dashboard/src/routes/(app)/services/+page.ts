import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { everybody } from './list.ts';
import type { PageLoad } from './$types';

/** What I and my teams run and what others share with me, or what everybody does; which of them an address shows is found here, without asking again. */
export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('services'), changeKey('shares'));
  const isAll = url.searchParams.get('owner') === everybody;
  if (isAll) return orErrorPage(() => servicesApi.list({ owner: everybody }));
  return orErrorPage(servicesApi.reachable);
};
