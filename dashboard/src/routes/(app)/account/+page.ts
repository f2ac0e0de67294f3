import { accountApi } from '#lib/api/account.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends, parent }) => {
  const { me } = await parent();
  depends(changeKey('sessions', me.user.id));
  const [{ sessions }, { connections }] = await orErrorPage(() =>
    Promise.all([accountApi.sessions(), accountApi.connections()]),
  );
  return { sessions, connections };
};
