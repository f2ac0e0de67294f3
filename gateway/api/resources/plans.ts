import { knotError } from '../../lib/index.ts';
import type { EffectivePlan as OwnersPlan, GivenPlan as OwnersGivenPlan, Owner, Plan } from '../../owners/index.ts';
import type { Needs, ApiServer } from '../context.ts';
import {
  type EffectivePlan,
  EffectivePlanSchema,
  type GivenPlan,
  GivenPlanSchema,
  OwnerParamsSchema,
  OwnerPlanPageSchema,
  OwnerPlanQuerySchema,
  PlanChoiceSchema,
  PlanListSchema,
} from '../contract.ts';
import { listOwned, pageOfOwned } from '../owned.ts';
import { answers, describe } from './describe.ts';

const tag = 'Plans';

/** Plans are made in knot.yaml and given to people and teams by admins. */
export function planRoutes(
  app: ApiServer,
  context: Needs<'plans' | 'owners' | 'accounts' | 'files' | 'services' | 'actorOf'>,
): void {
  const { plans, owners, actorOf } = context;

  app.get(
    '/plans',
    describe('admin', tag, 'List plans, and how many have each', { response: answers(200, PlanListSchema) }),
    async () => {
      const owned = await listOwned(context);
      const count = (kind: Owner['kind'], name: string): number =>
        owned.filter((one) => one.kind === kind && one.plan.plan?.name === name).length;
      return {
        plans: plans.list().map((plan) => ({
          ...limitsOf(plan),
          defaultFor: [...plan.defaultFor],
          people: count('user', plan.name),
          teams: count('team', plan.name),
        })),
      };
    },
  );

  app.get(
    '/plans/owners',
    describe('admin', tag, 'Who has which plan, and how full they are', {
      querystring: OwnerPlanQuerySchema,
      response: answers(200, OwnerPlanPageSchema),
    }),
    async ({ query }) => {
      const { rows, ...counted } = pageOfOwned(await listOwned(context), query);
      return { owners: rows.map(({ plan, ...owner }) => ({ ...owner, plan: toPlan(plan) })), ...counted };
    },
  );

  app.get(
    '/owners/:owner/plan',
    describe('admin', tag, 'Which plan a person or team has, and why', {
      params: OwnerParamsSchema,
      response: answers(200, EffectivePlanSchema),
    }),
    async ({ params }) => toPlan(await plans.of(await findOwner(owners, params.owner))),
  );

  app.put(
    '/owners/:owner/plan',
    describe('admin', tag, 'Give a person or team a plan, or the default again', {
      params: OwnerParamsSchema,
      body: PlanChoiceSchema,
      response: answers(200, GivenPlanSchema),
    }),
    async (request) => {
      const { name: actor, address } = actorOf(request);
      const { plan, undoes } = request.body;
      const owner = await findOwner(owners, request.params.owner);
      return toGiven(await plans.give(owner, plan, { actor, address }, undoes));
    },
  );
}

/** @throws KNOT_API_NO_OWNER */
export async function findOwner(owners: Needs<'owners'>['owners'], name: string): Promise<Owner> {
  const owner = await owners.find(name);
  if (owner) return owner;
  throw noOwner();
}

/** The same of one that there is not, and of one who may not be seen. */
export const noOwner = () => knotError('KNOT_API_NO_OWNER', 404, 'There is no person and no team of this name.');

const limitsOf = ({
  defaultFor: _,
  storage = null,
  ...limits
}: Omit<Plan, 'storage'> & { storage?: number | null }) => ({
  storage,
  ...limits,
});

export const toPlan = ({ plan, source, lost }: OwnersPlan): EffectivePlan => ({
  plan: plan ? limitsOf(plan) : null,
  source,
  ...(lost === undefined ? {} : { lost }),
});

const toGiven = ({ undo, ...plan }: OwnersGivenPlan): GivenPlan => ({ ...toPlan(plan), ...(undo && { undo }) });
