import { knotError } from '../../lib/index.ts';
import type { EffectivePlan as OwnersPlan, Owner, Plan as OwnersPlanOf } from '../../owners/index.ts';
import type { Needs, ApiServer } from '../context.ts';
import {
  type EffectivePlan,
  EffectivePlanSchema,
  OwnerParamsSchema,
  PlanChoiceSchema,
  PlanListSchema,
} from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Plans';

/** Plans are made in knot.yaml and given to people and teams by admins. */
export function planRoutes(app: ApiServer, { plans, owners, actorOf }: Needs<'plans' | 'owners' | 'actorOf'>): void {
  app.get('/plans', describe('admin', tag, 'List plans', { response: answers(200, PlanListSchema) }), async () => ({
    plans: plans.list().map((plan) => ({ ...limitsOf(plan), defaultFor: [...plan.defaultFor] })),
  }));

  app.get(
    '/owners/:owner/plan',
    describe('admin', tag, 'Which plan a person or team has, and why', {
      params: OwnerParamsSchema,
      response: answers(200, EffectivePlanSchema),
    }),
    async ({ params }) => toPlan(await plans.of(await find(params.owner))),
  );

  app.put(
    '/owners/:owner/plan',
    describe('admin', tag, 'Give a person or team a plan, or the default again', {
      params: OwnerParamsSchema,
      body: PlanChoiceSchema,
      response: answers(200, EffectivePlanSchema),
    }),
    async (request) => {
      const { name: actor, address } = actorOf(request);
      const owner = await find(request.params.owner);
      return toPlan(await plans.give(owner, request.body.plan, { actor, address }));
    },
  );

  async function find(name: string): Promise<Owner> {
    const owner = await owners.find(name);
    if (owner) return owner;
    throw knotError('KNOT_API_NO_OWNER', 404, 'There is no person and no team of this name.');
  }
}

const limitsOf = ({ name, title, storage = null }: Omit<OwnersPlanOf, 'storage'> & { storage?: number | null }) => ({
  name,
  title,
  storage,
});

export const toPlan = ({ plan, source, lost }: OwnersPlan): EffectivePlan => ({
  plan: plan ? limitsOf(plan) : null,
  source,
  ...(lost === undefined ? {} : { lost }),
});
