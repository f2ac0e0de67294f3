import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** Each step in the life of the service. */
export const load: PageLoad = async ({ params, depends }) => {
  depends(changeKey('services', params.id));
  return orErrorPage(() => servicesApi.events(params.id));
};
