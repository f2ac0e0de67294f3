import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';
import { TileStatusSchema } from './me.ts';

export const ComponentSchema = closed({
  name: Type.String(),
  title: Type.Optional(Type.String({ description: 'What people call it, where the name is not a word of Knot.' })),
  status: oneOf('ok', 'working', 'warning', 'failed'),
  message: Type.String(),
  remedy: Type.Optional(Type.String()),
});
export type Component = Static<typeof ComponentSchema>;

export const HealthSchema = closed({
  status: oneOf('ok', 'working', 'warning', 'failed'),
  components: Type.Array(ComponentSchema, { description: 'Includes warnings that stay until they are cured.' }),
});
export type Health = Static<typeof HealthSchema>;

export const IntegrationNameParamsSchema = closed({ name: Type.String({ minLength: 1, maxLength: 63 }) });

export const IntegrationDetailSchema = closed({
  name: Type.String(),
  title: Type.String(),
  url: Type.String(),
  status: TileStatusSchema,
  health: Type.Array(ComponentSchema),
  settings: Type.String({ description: "What to paste into the tool's own configuration." }),
});
export type IntegrationDetail = Static<typeof IntegrationDetailSchema>;
