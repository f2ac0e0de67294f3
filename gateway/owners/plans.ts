import { LRUCache } from 'lru-cache';
import { type AuditEntry, type Clock, knotError } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { deletePlan, findPlan, findPlans, writePlan } from './records.ts';
import type { Area } from './resources.ts';
import type { Owner } from './owner.ts';

/** What an owner may have; what is absent is not limited. Storage and memory in bytes. */
export type Limits = {
  /** Of files. */
  storage?: number;
  /** Services that run at once, and their processors and memory together. */
  services?: number;
  cpu?: number;
  memory?: number;
  /** How long a service may be left alone before it sleeps. */
  idleSeconds?: number;
  /** How many of what a cluster has beside processors and memory, by its name there (`nvidia.com/gpu`). */
  resources?: Readonly<Record<string, number>>;
};

/** Limits under a name, from `knot.yaml`. */
export type Plan = { name: string; title: string; defaultFor: readonly ('people' | 'teams')[] } & Limits;

/**
 * What is in force for an owner, and why: given by an administrator, the default of all people or teams, or nothing at all.
 * `lost` names a plan that was given and is not in `knot.yaml` any more.
 */
export type EffectivePlan = { plan?: Plan; source: 'given' | 'default' | 'none'; lost?: string };

/** `undo`: what takes the act back, where it changed something and the plan of before is still there. */
export type GivenPlan = EffectivePlan & { undo?: { plan: string | null; undoes: string | null } };

/** How much may be kept in an area, in bytes, and whose it is, for a message. */
export type Allowance = { limit?: number; whose: string };

type By = { actor: string; address?: string | undefined };

export type Plans = {
  list(): readonly Plan[];
  of(owner: Pick<Owner, 'kind' | 'id'>): Promise<EffectivePlan>;
  /** Of many owners in one go, by id. */
  ofAll(owners: readonly Pick<Owner, 'kind' | 'id'>[]): Promise<Map<string, EffectivePlan>>;
  /**
   * Gives an owner a plan; null takes it back, and the default is in force again. What is over a lower limit stays, and nothing is
   * added to it. `undoes`: takes an earlier act back, as long as the plan is still what that act gave.
   * @throws KNOT_OWNERS_NO_PLAN, KNOT_OWNERS_CHANGED
   */
  give(owner: Owner, plan: string | null, by: By, undoes?: string | null): Promise<GivenPlan>;
  /** For files: the limit of an area. The folders of everyone and of the admins have none. */
  allowanceOf(area: Pick<Area, 'kind' | 'id'>): Promise<Allowance>;
  close(): void;
};

const mostCached = 20_000;

export function createPlans(options: {
  store: Store;
  clock: Clock;
  plans: readonly Plan[];
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
}): Plans {
  const { store, clock, plans, record } = options;
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  /** The name that was given, or '' for none. */
  const cache = new LRUCache<string, string>({ max: mostCached });
  let changes = 0;
  const forget = (id?: string): void => {
    changes += 1;
    if (id === undefined) cache.clear();
    else cache.delete(id);
  };
  const stops = [store.onChange('plans', forget), store.onSilence(() => forget()), store.onGap(() => forget())];

  async function givenName(ownerId: string): Promise<string> {
    const known = cache.get(ownerId);
    if (known !== undefined) return known;
    const before = changes;
    const name = (await findPlan(store.db, ownerId)) ?? '';
    if (before === changes) cache.set(ownerId, name);
    return name;
  }

  function effective(kind: Owner['kind'], given: string): EffectivePlan {
    const plan = byName.get(given);
    if (plan) return { plan, source: 'given' };
    const lost = given === '' ? {} : { lost: given };
    const usual = plans.find(({ defaultFor }) => defaultFor.includes(kind === 'user' ? 'people' : 'teams'));
    return usual ? { plan: usual, source: 'default', ...lost } : { source: 'none', ...lost };
  }

  const of = async ({ kind, id }: Pick<Owner, 'kind' | 'id'>) => effective(kind, await givenName(id));

  return {
    list: () => plans,
    of,
    async ofAll(owners) {
      const given = await findPlans(
        store.db,
        owners.map(({ id }) => id),
      );
      return new Map(owners.map(({ kind, id }) => [id, effective(kind, given.get(id) ?? '')]));
    },
    async give(owner, plan, { actor, address }, undoes) {
      if (plan !== null && !byName.has(plan)) {
        throw knotError('KNOT_OWNERS_NO_PLAN', 404, `There is no plan "${plan}".`, {
          remedy: `Plans are made in knot.yaml: ${plans.map(({ name }) => name).join(', ') || 'there is none yet'}.`,
        });
      }
      const before = await store.transaction(async (transaction) => {
        const before = (await findPlan(transaction.db, owner.id)) ?? null;
        if (undoes !== undefined && before !== undoes) throw changedMeanwhile(owner);
        if (before === plan) return before;
        if (plan === null) await deletePlan(transaction.db, owner.id);
        else await writePlan(transaction.db, owner, { plan, by: actor, at: clock.now() });
        transaction.announce({ topic: 'plans', key: owner.id });
        await record(transaction, {
          action: undoes === undefined ? 'plan.given' : 'plan.given.undone',
          actor,
          subject: `${owner.kind}:${owner.name}`,
          outcome: 'done',
          ...(address === undefined ? {} : { address }),
          detail: { plan: plan ?? 'default', before: before ?? 'default' },
        });
        return before;
      });
      const now = await of(owner);
      const canComeBack = before !== plan && undoes === undefined && (before === null || byName.has(before));
      return canComeBack ? { ...now, undo: { plan: before, undoes: plan } } : now;
    },
    async allowanceOf({ kind, id }) {
      if (id === undefined || (kind !== 'private' && kind !== 'team')) return { whose: 'everyone' };
      const { plan } = await of({ kind: kind === 'private' ? 'user' : 'team', id });
      const whose = kind === 'private' ? 'this person' : 'this team';
      return plan?.storage === undefined ? { whose } : { limit: plan.storage, whose };
    },
    close() {
      for (const stop of stops) stop();
      cache.clear();
    },
  };
}

const changedMeanwhile = ({ name }: Owner) =>
  knotError('KNOT_OWNERS_CHANGED', 409, `${name} was given another plan by somebody else meanwhile.`, {
    remedy: 'Nothing was undone. Look at the present plan and change it from there.',
    details: { problems: [{ field: 'undoes', message: 'is about an act that was followed by another' }] },
  });
