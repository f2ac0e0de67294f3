import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';
import { AddressSchema } from './services.ts';

export const PlaceStepSchema = closed({
  name: oneOf('namespace', 'accounts', 'limits', 'network', 'files', 'rights', 'tidy', 'workloads'),
  title: Type.String({ description: 'What is done in it, in words for people.' }),
  state: oneOf('waiting', 'doing', 'done', 'failed'),
  cause: Type.Optional(Type.String({ description: 'Why it failed, or what it waits for.' })),
  since: TimeSchema,
  attempts: Type.Integer({ description: 'How often it failed in a row.' }),
});
export type PlaceStep = Static<typeof PlaceStepSchema>;

/** Somebody's place in the cluster: their namespace and what makes it theirs. */
export const PlaceSchema = closed({
  kind: oneOf('user', 'team'),
  id: Type.String(),
  name: Type.String(),
  namespace: Type.String(),
  state: oneOf('making', 'ready', 'failed', 'paused', 'leaving'),
  since: TimeSchema,
  steps: Type.Array(PlaceStepSchema),
  overrides: Type.Array(closed({ object: Type.String(), reason: Type.String() }), {
    description: 'What administrators have taken over by the annotation knot/override, and why as they wrote it.',
  }),
});
export type Place = Static<typeof PlaceSchema>;

export const PlaceListSchema = closed({ places: Type.Array(PlaceSchema) });
export type PlaceList = Static<typeof PlaceListSchema>;

/** `place` is absent while nothing has been made yet; `addresses`: what was made reachable in it by hand, and what was refused. */
export const OwnPlaceSchema = closed({
  place: Type.Optional(PlaceSchema),
  addresses: Type.Optional(Type.Array(AddressSchema)),
});
export type OwnPlace = Static<typeof OwnPlaceSchema>;

export const PlaceParamsSchema = closed({
  kind: oneOf('user', 'team'),
  name: Type.String({ minLength: 1, maxLength: 100 }),
});
