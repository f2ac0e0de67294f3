import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** Who can reach it, and who did. */
export const load: PageLoad = async ({ params, depends }) => {
  depends(changeKey('shares'));
  return orErrorPage(() => servicesApi.shares(params.id));
};
