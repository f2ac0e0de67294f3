/** What the page of an owner shows admins: the plan, what can be given, and how large the files are where there are files. */
import { plansApi } from '#lib/api/plans.ts';
import type { EffectivePlan, OwnerFiles, Plan } from '#lib/contract.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';

export type OwnerStorage = { plan: EffectivePlan; plans: readonly Plan[]; files: OwnerFiles | undefined };

export async function loadStorage(owner: string): Promise<OwnerStorage> {
  const [plan, { plans }, files] = await Promise.all([
    orErrorPage(() => plansApi.of(owner)),
    orErrorPage(plansApi.list),
    orNothing(plansApi.filesOf(owner)),
  ]);
  return { plan, plans, files };
}
