import { accountApi } from '#lib/api/account.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(topicKey('sessions'));
  const [{ sessions }, { connections }] = await orErrorPage(() =>
    Promise.all([accountApi.sessions(), accountApi.connections()]),
  );
  return { sessions, connections };
};
