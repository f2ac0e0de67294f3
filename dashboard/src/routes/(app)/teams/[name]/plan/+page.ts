import { placesApi } from '#lib/api/places.ts';
import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** What runs for the team; told to whoever is in it, where services can run. */
export const load: PageLoad = async ({ params, depends, parent }) => {
  depends(changeKey('services'));
  const { me, own } = await parent();
  const hasPlace = me.hasCluster && own !== undefined;
  if (hasPlace) depends(changeKey('places', own.id));
  const found = hasPlace ? await orNothing(placesApi.of('team', params.name)) : undefined;
  return { hasPlace, found, held: own && (await orNothing(servicesApi.sizes({ owner: params.name })))?.held };
};
