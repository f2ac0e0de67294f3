import { api } from '#lib/api.ts';
import type { Me } from '#lib/contract.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ depends }) => {
  depends(topicKey('users'), topicKey('health'));
  const me = await orErrorPage(api.me());
  return { me, attention: await attentionOf(me) };
};

/** What waits for an admin, as numbers beside the page names. */
async function attentionOf(me: Me): Promise<{ pending: number; warnings: number }> {
  if (!me.canAdminister) return { pending: 0, warnings: 0 };
  const [users, health] = await Promise.all([orNothing(api.users.list({ limit: 1 })), orNothing(api.health())]);
  const warnings = health?.components.filter(({ status }) => status === 'warning' || status === 'failed');
  return { pending: users?.counts.pending ?? 0, warnings: warnings?.length ?? 0 };
}
