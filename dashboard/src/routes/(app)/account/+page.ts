import { accountApi } from '#lib/api/account.ts';
import { filesApi } from '#lib/api/files.ts';
import { placesApi } from '#lib/api/places.ts';
import { plansApi } from '#lib/api/plans.ts';
import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends, parent }) => {
  const { me } = await parent();
  depends(changeKey('sessions', me.user.id), changeKey('plans', me.user.id), changeKey('areas'), changeKey('teams'));
  depends(changeKey('services'), changeKey('places', me.user.id));
  const [{ sessions }, { connections }, own, list, sizes, found] = await orErrorPage(() =>
    Promise.all([
      accountApi.sessions(),
      accountApi.connections(),
      orNothing(plansApi.mine()),
      orNothing(filesApi.areas()),
      orNothing(servicesApi.sizes({ owner: me.user.username })),
      me.hasCluster ? orNothing(placesApi.of('user', me.user.username)) : undefined,
    ]),
  );
  return {
    sessions,
    connections,
    owners: own?.owners ?? [],
    usage: list?.areas.find(({ name }) => name === 'private')?.usage,
    held: sizes?.held,
    found,
  };
};
