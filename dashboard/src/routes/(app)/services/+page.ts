import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** What I and my teams run. */
export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('services'));
  return orErrorPage(() => servicesApi.list());
};
