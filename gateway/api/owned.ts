import type { EffectivePlan, Owner } from '../owners/index.ts';
import type { Needs } from './context.ts';
import type { OwnerPlan, OwnerPlanQuery } from './contract.ts';

/** An owner with the plan in force, the bytes that its files use and what its services have, where services can run. */
export type Owned = Owner & { plan: EffectivePlan; bytes: number } & Pick<OwnerPlan, 'held'>;

const none: EffectivePlan = { source: 'none' };
const nothing = { services: 0, cpu: 0, memory: 0 };

/** Every owner there is. What one has lies in three modules, so it is put together here, for pages of administrators alone. */
export async function listOwned({
  accounts,
  plans,
  files,
  services,
}: Needs<'accounts' | 'plans' | 'files' | 'services'>): Promise<Owned[]> {
  const owners = await accounts.listOwners();
  const [planOf, bytesIn, held] = await Promise.all([plans.ofAll(owners), files?.usages(), services?.held()]);
  return owners.map((owner) => ({
    ...owner,
    plan: planOf.get(owner.id) ?? none,
    bytes: bytesIn?.get(`${owner.kind === 'user' ? 'private' : 'team'}/${owner.id}`) ?? 0,
    ...(held && { held: held.get(owner.id) ?? nothing }),
  }));
}

export const isOver = ({ plan: { plan }, bytes }: Owned): boolean =>
  plan?.storage !== undefined && bytes > plan.storage;

/** How much of what is allowed is used; where nothing is limited, less than whoever has a limit. */
const fullness = ({ plan: { plan }, bytes }: Owned): number =>
  plan?.storage === undefined ? -1 : plan.storage === 0 ? (bytes > 0 ? Infinity : 0) : bytes / plan.storage;

const orders: Record<string, (a: Owned, b: Owned) => number> = {
  name: () => 0,
  bytes: (a, b) => a.bytes - b.bytes,
  plan: (a, b) => compareTexts(a.plan.plan?.title ?? '', b.plan.plan?.title ?? ''),
};

const compareTexts = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** One page of them; ties are broken by name, so that pages neither repeat nor leave out anybody. */
export function pageOfOwned(
  all: readonly Owned[],
  { q = '', kind, plan, isOver: wantsOver, sort, page = 1, limit = 50 }: OwnerPlanQuery,
) {
  const search = q.trim().toLowerCase();
  const found = all.filter(
    (owned) =>
      (plan === undefined || owned.plan.plan?.name === plan) &&
      (owned.name.includes(search) || owned.title.toLowerCase().includes(search)),
  );
  const fitsKind = (owned: Owned): boolean => kind === undefined || owned.kind === kind;
  const fitsOver = (owned: Owned): boolean => wantsOver === undefined || isOver(owned) === wantsOver;
  const isDescending = sort === undefined || sort.startsWith('-');
  const order = sort === undefined ? byFullness : orders[sort.replace(/^-/, '')]!;
  const rows = found
    .filter((owned) => fitsKind(owned) && fitsOver(owned))
    .sort(
      (a, b) => (order(a, b) || (sort === undefined ? -1 : 1) * compareTexts(a.name, b.name)) * (isDescending ? -1 : 1),
    );
  const count = (fits: (owned: Owned) => boolean): number => found.filter(fits).length;
  return {
    rows: rows.slice((page - 1) * limit, page * limit),
    total: rows.length,
    counts: {
      user: count((owned) => owned.kind === 'user' && fitsOver(owned)),
      team: count((owned) => owned.kind === 'team' && fitsOver(owned)),
      over: count((owned) => isOver(owned) && fitsKind(owned)),
    },
  };
}

function byFullness(a: Owned, b: Owned): number {
  const [full, other] = [fullness(a), fullness(b)];
  return full === other ? a.bytes - b.bytes : full < other ? -1 : 1;
}
