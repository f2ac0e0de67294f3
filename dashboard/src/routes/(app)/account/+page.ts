import { api } from '#lib/api.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(topicKey('sessions'));
  const [{ sessions }, { connections }] = await orErrorPage(() =>
    Promise.all([api.account.sessions(), api.account.connections()]),
  );
  return { sessions, connections };
};
