import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

export const PeopleQuerySchema = closed({
  q: Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'The beginning of a name, three letters or more; or a whole name.',
  }),
});
export type PeopleQuery = Static<typeof PeopleQuerySchema>;

/** Whom somebody may name: to share with, to take into a team. */
export const PartySchema = closed({
  kind: oneOf('user', 'team'),
  name: Type.String(),
  title: Type.String({ description: 'Of a person the name again.' }),
});
export type Party = Static<typeof PartySchema>;

export const PeopleSchema = closed({
  people: Type.Array(PartySchema, { description: 'Whose name it is first; twenty at most.' }),
});
export type People = Static<typeof PeopleSchema>;
