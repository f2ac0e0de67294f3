import { servicesApi } from '#lib/api/services.ts';
import { orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** What could be started: read when Home is opened, apart from what changes while it is shown. */
export const load: LayoutLoad = async () => {
  const catalogue = await orNothing(servicesApi.templates());
  return { templates: catalogue?.templates ?? [] };
};
