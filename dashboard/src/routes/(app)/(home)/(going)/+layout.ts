import { placesApi } from '#lib/api/places.ts';
import { servicesApi } from '#lib/api/services.ts';
import type { Me } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** What I and my teams run: apart from the page, so that a change of it fetches nothing else anew. None where services are not available. */
export const load: LayoutLoad = async ({ depends, parent }) => {
  depends(changeKey('services'));
  const [answer, place] = await Promise.all([orNothing(servicesApi.list()), placeOf(await parent())]);
  return { services: answer?.services ?? [], ...place };

  /** While it is being made, and while something is in its way, whoever waits for it is told. */
  async function placeOf({ me }: { me: Me }) {
    if (!me.hasCluster) return { isPlaceAwaited: false, found: undefined };
    depends(changeKey('places', me.user.id));
    const found = await orNothing(placesApi.of('user', me.user.username));
    return { isPlaceAwaited: found !== undefined && found.place?.state !== 'ready', found };
  }
};
