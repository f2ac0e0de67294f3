import { servicesApi } from '#lib/api/services.ts';
import { orNothing } from '#lib/load.ts';
import { startSteps } from '#lib/services/start.ts';
import type { PageLoad } from './$types';

/** The service (of the layout) with the steps of its start, which are shown of what is to run. */
export const load: PageLoad = async ({ parent }) => {
  const { service } = await parent();
  const needsEvents = service.wish === 'running' && service.steps === undefined && service.canSee;
  const told = needsEvents ? await orNothing(servicesApi.events(service.id)) : undefined;
  return { steps: startSteps(service, told?.events ?? []) };
};
