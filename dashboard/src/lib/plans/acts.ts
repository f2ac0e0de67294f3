/** Giving plans to people and teams, one or many, each with its way back. */
import { plansApi } from '#lib/api/plans.ts';
import { undoOf } from '#lib/api/undo.ts';
import type { GivenPlan } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt, type Offer } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { takeBack } from '#lib/undo.ts';
import { counted } from '#lib/words.ts';

export type Owned = { id: string; name: string };

const refreshPlans = (): Promise<void> => refresh({ topic: 'plans' });
const called = (plan: string | null): string => (plan === null ? 'the default plan' : `the plan “${plan}”`);

/** `plan`: its name, or null for the default. */
export function givePlan(owners: readonly Owned[], plan: string | null): Promise<unknown> {
  const [only] = owners;
  if (only && owners.length === 1) return giveOne(only, plan);
  return performOnAll({
    rows: owners,
    nameOf: ({ name }) => name,
    run: ({ name }) => plansApi.give(name, { plan }),
    done: (given) => `${counted(given.length, 'owner has', 'owners have')} ${called(plan)} now.`,
    refresh: refreshPlans,
  });
}

function giveOne({ id, name }: Owned, plan: string | null): Promise<boolean> {
  const text = `${name} has ${called(plan)} now.`;
  const about = `plan:${id}`;
  const offer = (given: GivenPlan): Offer | undefined => {
    const way = undoOf(given);
    return way && { label: 'Undo', act: () => takeBack([way], { text, about }) };
  };
  const give = async (): Promise<GivenPlan> => {
    const given = await plansApi.give(name, { plan });
    await refreshPlans();
    return given;
  };
  return attempt(give, text, { offer, about });
}
