import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';
import { listQuery, TotalSchema } from './lists.ts';
import { AmountSchema } from './services.ts';

const limits = {
  name: Type.String(),
  title: Type.String(),
  storage: Type.Union([Type.Integer(), Type.Null()], { description: 'Bytes; null when it is not limited.' }),
  services: Type.Optional(Type.Integer({ description: 'That run at once; absent when it is not limited.' })),
  cpu: Type.Optional(Type.Number({ description: 'Processors of the services that run, together.' })),
  memory: Type.Optional(Type.Integer({ description: 'Bytes of the services that run, together.' })),
  idleSeconds: Type.Optional(Type.Integer({ description: 'How long one may be left alone before it sleeps.' })),
  resources: Type.Optional(
    Type.Record(Type.String(), Type.Integer(), {
      description: 'How many of what a cluster has beside processors and memory, by its name there: nvidia.com/gpu.',
    }),
  ),
};

export const PlanSchema = closed({
  ...limits,
  defaultFor: Type.Array(oneOf('people', 'teams'), { description: 'Who has it when they were given no other.' }),
  people: Type.Integer({ description: 'How many have it, given or by default.' }),
  teams: Type.Integer(),
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
  undoes: Type.Optional(
    Type.Union([Type.String({ maxLength: 100 }), Type.Null()], {
      description:
        'Takes an act back: from the `undo` in its answer. Refused (409) when the owner has another plan since.',
    }),
  ),
});
export type PlanChoice = Static<typeof PlanChoiceSchema>;

/** What takes the gift back, to be sent as the next one (PUT); absent when nothing changed. */
export const GivenPlanSchema = closed({
  ...EffectivePlanSchema.properties,
  undo: Type.Optional(closed({ plan: PlanChoiceSchema.properties.plan, undoes: PlanChoiceSchema.properties.plan })),
});
export type GivenPlan = Static<typeof GivenPlanSchema>;

export const OwnerPlanSchema = closed({
  kind: oneOf('user', 'team'),
  id: Type.String(),
  name: Type.String(),
  title: Type.String(),
  plan: EffectivePlanSchema,
  bytes: Type.Integer({ description: 'What the files use, the trash included.' }),
  held: Type.Optional(Type.Required(AmountSchema)),
});
export type OwnerPlan = Static<typeof OwnerPlanSchema>;

export const OwnerPlanQuerySchema = listQuery(
  ['name', 'bytes', 'plan'],
  'Part of the name or the title. Unsorted, the fullest first.',
  {
    kind: Type.Optional(oneOf('user', 'team')),
    plan: Type.Optional(
      Type.String({ maxLength: 100, description: 'Only who has the plan of this name, given or by default.' }),
    ),
    isOver: Type.Optional(
      Type.Boolean({ description: 'Only who uses more than the plan allows, or only who does not.' }),
    ),
  },
);
export type OwnerPlanQuery = Static<typeof OwnerPlanQuerySchema>;

export const OwnerPlanPageSchema = closed({
  owners: Type.Array(OwnerPlanSchema),
  total: TotalSchema,
  counts: closed(
    { user: Type.Integer(), team: Type.Integer(), over: Type.Integer() },
    'How many the query finds of each kind, and over their plan, whatever `kind` and `isOver` ask for.',
  ),
});
export type OwnerPlanPage = Static<typeof OwnerPlanPageSchema>;

/** The files of somebody as an administrator sees them: that they are there and how large. */
export const OwnerFilesSchema = closed({
  bytes: Type.Integer({ description: 'Bytes, the trash included.' }),
  reserved: Type.Integer({ description: 'Bytes promised to what is being written.' }),
  limit: Type.Optional(Type.Integer()),
  trashDays: Type.Integer({ description: 'How long what is removed can be restored by its owner.' }),
});
export type OwnerFiles = Static<typeof OwnerFilesSchema>;

export const OwnerFilesRemovalSchema = closed({
  forGood: Type.Optional(Type.Boolean({ description: 'Also what is in the trash; nothing of it can be restored.' })),
});
export const RemovedFilesSchema = closed({
  removed: Type.Integer({ description: 'How many entries were taken out of the folder.' }),
  freed: Type.Integer({ description: 'Bytes that are free now; what went into the trash still counts.' }),
});
export type RemovedFiles = Static<typeof RemovedFilesSchema>;
