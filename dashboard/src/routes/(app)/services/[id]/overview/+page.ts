import { servicesApi } from '#lib/api/services.ts';
import { orNothing } from '#lib/load.ts';
import { startSteps } from '#lib/services/start.ts';
import type { PageLoad } from './$types';

/** The service (of the layout) with the steps of its start. */
export const load: PageLoad = async ({ parent }) => {
  const { service } = await parent();
  const told = service.steps || !service.canSee ? undefined : await orNothing(servicesApi.events(service.id));
  return { steps: startSteps(service, told?.events ?? []) };
};
