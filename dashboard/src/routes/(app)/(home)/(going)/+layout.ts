import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** What I and my teams run: apart from the page, so that a change of it fetches nothing else anew. None where services are not available. */
export const load: LayoutLoad = async ({ depends }) => {
  depends(changeKey('services'));
  const answer = await orNothing(servicesApi.list());
  return { services: answer?.services ?? [] };
};
