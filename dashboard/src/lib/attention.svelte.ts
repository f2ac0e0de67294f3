/** What waits for an admin: people, and parts that need a look. Each piece is read anew when it changed, and nothing else. */
import { peopleApi } from '#lib/api/people.ts';
import { platformApi } from '#lib/api/platform.ts';
import { policiesApi } from '#lib/api/policies.ts';
import type { Health, Policies } from '#lib/contract.ts';
import { hear } from '#lib/live/changes.ts';
import { orNothing } from '#lib/load.ts';

export type Attention = {
  /** People who wait for approval. */
  pending: number;
  health: Health | undefined;
  /** When the files of the policies are not in force: what is wrong with them. */
  policies: Policies | undefined;
};

const nothing: Attention = { pending: 0, health: undefined, policies: undefined };

export const attention = $state<Attention>({ ...nothing });

let stop: (() => void) | undefined;

/** Reads everything once and follows it from then on. Whoever may not administer is told of nothing. A failure shows no page's absence. */
export async function followAttention(canAdminister: boolean): Promise<void> {
  if (canAdminister === (stop !== undefined)) return;
  stop?.();
  stop = undefined;
  Object.assign(attention, nothing);
  if (!canAdminister) return;
  const stops = [hear(['users'], readPending), hear(['health', 'policies'], readHealth)];
  stop = () => stops.forEach((end) => end());
  await Promise.all([readPending(), readHealth()]);
}

async function readPending(): Promise<void> {
  const answer = await orNothing(peopleApi.list({ limit: 1 }));
  if (answer) attention.pending = answer.counts.pending;
}

async function readHealth(): Promise<void> {
  const health = await orNothing(platformApi.health());
  if (!health) return;
  const areRefused = health.components.some(({ name, status }) => name === 'policies' && status === 'failed');
  const policies = areRefused ? await orNothing(policiesApi.status()) : undefined;
  attention.health = health;
  attention.policies = policies?.isCurrent ? undefined : policies;
}
