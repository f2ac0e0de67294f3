import { peopleApi } from '#lib/api/people.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ params, depends }) => {
  const [user, { admins }] = await Promise.all([
    orErrorPage(() => peopleApi.find(params.name)),
    orErrorPage(() => peopleApi.list({ limit: 1 })),
  ]);
  depends(changeKey('users', user.id), changeKey('teams'));
  return { user, admins };
};
