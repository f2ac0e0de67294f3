import { placesApi } from '#lib/api/places.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** How far the person's place in the cluster is, where there is one and they were let in. */
export const load: PageLoad = async ({ depends, parent }) => {
  const { me, user } = await parent();
  if (!me.hasCluster || !user.hasName) return { hasPlace: false, found: undefined };
  depends(changeKey('places', user.id));
  return { hasPlace: true, found: await orNothing(placesApi.of('user', user.username)) };
};
