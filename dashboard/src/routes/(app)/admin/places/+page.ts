import { placesApi } from '#lib/api/places.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** All of them: which an address shows is found here, without asking again. */
export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('places'));
  return orErrorPage(placesApi.all);
};
