import { peopleApi } from '#lib/api/people.ts';
import { platformApi } from '#lib/api/platform.ts';
import { policiesApi } from '#lib/api/policies.ts';
import type { Me } from '#lib/contract.ts';
import type { Attention } from '#lib/states.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ depends }) => {
  depends(topicKey('users'), topicKey('health'), topicKey('policies'));
  const me = await orErrorPage(platformApi.me);
  return { me, attention: await attentionOf(me) };
};

/** What waits for an admin: people, and parts that need a look. Neither may keep a page from being shown. */
async function attentionOf(me: Me): Promise<Attention> {
  if (!me.canAdminister) return { pending: 0, health: undefined, policies: undefined };
  const [users, health] = await Promise.all([orNothing(peopleApi.list({ limit: 1 })), orNothing(platformApi.health())]);
  const areRefused = health?.components.some(({ name, status }) => name === 'policies' && status === 'failed');
  const policies = areRefused ? await orNothing(policiesApi.status()) : undefined;
  return { pending: users?.counts.pending ?? 0, health, policies: policies?.isCurrent ? undefined : policies };
}
