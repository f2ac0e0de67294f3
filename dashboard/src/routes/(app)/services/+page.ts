import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { everybody } from './list.ts';
import type { PageLoad } from './$types';

/** What I and my teams run, or what everybody does; which of them an address shows is found here, without asking again. */
export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('services'));
  const isAll = url.searchParams.get('owner') === everybody;
  return orErrorPage(() => servicesApi.list(isAll ? { owner: everybody } : {}));
};
