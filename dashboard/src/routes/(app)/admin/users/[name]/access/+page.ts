import { peopleApi } from '#lib/api/people.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, depends }) => {
  const { user } = await parent();
  depends(changeKey('sessions', user.id));
  return orErrorPage(() => peopleApi.connections(user.id));
};
