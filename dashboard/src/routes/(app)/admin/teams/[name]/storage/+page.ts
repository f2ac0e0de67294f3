import { placesApi } from '#lib/api/places.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';
import { loadStorage } from '#lib/plans/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, depends }) => {
  const { team, me } = await parent();
  depends(changeKey('plans', team.id), changeKey('places', team.id));
  const [storage, found] = await Promise.all([
    loadStorage(team.name),
    me.hasCluster ? orNothing(placesApi.of('team', team.name)) : undefined,
  ]);
  return { storage, hasPlace: me.hasCluster, found };
};
