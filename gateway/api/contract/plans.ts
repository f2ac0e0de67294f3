import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

const limits = {
  name: Type.String(),
  title: Type.String(),
  storage: Type.Union([Type.Integer(), Type.Null()], { description: 'Bytes; null when it is not limited.' }),
};

export const PlanSchema = closed({
  ...limits,
  defaultFor: Type.Array(oneOf('people', 'teams'), { description: 'Who has it when they were given no other.' }),
});
export type Plan = Static<typeof PlanSchema>;

export const PlanListSchema = closed({ plans: Type.Array(PlanSchema) });
export type PlanList = Static<typeof PlanListSchema>;

/** What is in force for an owner, and why. */
export const EffectivePlanSchema = closed({
  plan: Type.Union([closed(limits), Type.Null()], { description: 'Null when nothing is limited.' }),
  source: oneOf('given', 'default', 'none'),
  lost: Type.Optional(Type.String({ description: 'A plan that was given and is not in knot.yaml any more.' })),
});
export type EffectivePlan = Static<typeof EffectivePlanSchema>;

export const OwnerParamsSchema = closed({ owner: Type.String({ minLength: 1, maxLength: 100 }) });

export const PlanChoiceSchema = closed({
  plan: Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Null()], {
    description: 'Name of the plan; null for the default.',
  }),
});
export type PlanChoice = Static<typeof PlanChoiceSchema>;
