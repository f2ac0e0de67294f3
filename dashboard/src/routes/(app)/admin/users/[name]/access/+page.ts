import { peopleApi } from '#lib/api/people.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, depends }) => {
  const { user } = await parent();
  depends(changeKey('sessions', user.id), changeKey('policies'), changeKey('tiles'));
  const [{ connections }, access] = await Promise.all([
    orErrorPage(() => peopleApi.connections(user.id)),
    orErrorPage(() => peopleApi.access(user.id)),
  ]);
  return { connections, routes: access.routes };
};
