import { type Static, Type } from 'typebox';
import { closed, oneOf } from './common.ts';

/**
 * What can change while a page shows it, and who hears that it did:
 *
 * - `everyone`: all whom it may concern; a change of one application only who may open it, a change of one person's rights only
 *   that person.
 * - `person`: the person it is about, and admins.
 * - `owner`: the person, or whoever is in the team, and admins.
 * - `admins`: whom the policies let administer.
 * - `parties`: who shares something, whoever is in the team that does, and whom it is shared with; nobody else.
 * - `lookers`: who has the folder on a page and may list it; nobody else, whatever they administer (decision 0048).
 *
 * The id that a change of a topic names: `tiles` the name of the tool or application, `users` and `sessions` the id of the
 * person, `files` the folder as `AREA/PATH`, in the spelling in which that person asked for it, `areas` (how full one is) its name, `plans` the
 * id of the person or team, `places` too, `teams`, `services`, `links` and `clients` their own; the others name none.
 */
export const audiences = {
  tiles: 'everyone',
  users: 'person',
  sessions: 'person',
  files: 'lookers',
  areas: 'lookers',
  teams: 'owner',
  plans: 'owner',
  services: 'owner',
  places: 'owner',
  shares: 'parties',
  links: 'admins',
  clients: 'admins',
  policies: 'admins',
  audit: 'admins',
  health: 'admins',
} as const satisfies Record<string, 'everyone' | 'person' | 'owner' | 'parties' | 'admins' | 'lookers'>;

export type Topic = keyof typeof audiences;

export const TopicSchema = oneOf(...(Object.keys(audiences) as Topic[]));

export const ChangeSchema = closed({
  topic: TopicSchema,
  id: Type.Optional(Type.String({ description: 'Of what changed; without one, any number of them may have.' })),
  title: Type.Optional(
    Type.String({
      description: 'Of a tile that is as it was but for its title: that is it now, and nothing is to be fetched.',
    }),
  ),
});
/** What to fetch anew, or a new title. */
export type Change = Static<typeof ChangeSchema>;

/** Data of the event `changed` on /api/v1/events. The event `ended` says that the session may be over. */
export const ChangedSchema = closed({ changes: Type.Array(ChangeSchema) });
export type Changed = Static<typeof ChangedSchema>;
