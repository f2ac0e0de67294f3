import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** One service, read anew at each change of it; what its parts show beside it they ask for themselves. */
export const load: LayoutLoad = async ({ params, depends }) => {
  depends(changeKey('services', params.id));
  return { service: await orErrorPage(() => servicesApi.of(params.id)) };
};
