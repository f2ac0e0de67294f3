import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';
import { EffectivePlanSchema } from './plans.ts';

/** What things can belong to: a person or a team. */
export const OwnerSchema = closed({
  kind: oneOf('user', 'team'),
  id: Type.String(),
  name: Type.String(),
  title: Type.String(),
  role: oneOf('self', 'member', 'manager'),
  plan: EffectivePlanSchema,
  canLaunch: Type.Boolean({ description: 'Whether this person may start something that belongs to it.' }),
  canManage: Type.Boolean({ description: 'Whether this person may change who is in it.' }),
});
export type Owner = Static<typeof OwnerSchema>;

export const OwnerListSchema = closed({ owners: Type.Array(OwnerSchema) });
export type OwnerList = Static<typeof OwnerListSchema>;
