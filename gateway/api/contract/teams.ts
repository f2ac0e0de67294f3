import { type Static, Type } from 'typebox';
import { closed, TeamRoleSchema, TimeSchema } from './common.ts';
import { UndoesSchema } from './users.ts';

export const TeamSchema = closed({
  id: Type.String(),
  name: Type.String(),
  title: Type.String(),
  createdAt: TimeSchema,
  members: Type.Array(closed({ userId: Type.String(), username: Type.String(), role: TeamRoleSchema })),
});
export type Team = Static<typeof TeamSchema>;

export const TeamListSchema = closed({ teams: Type.Array(TeamSchema) });
export type TeamList = Static<typeof TeamListSchema>;

export const NewTeamSchema = closed({
  // Only bounded here: what is wrong is told for all fields at once, by the module that owns the rules.
  name: Type.String({ maxLength: 200, description: 'a–z and 0–9, a letter first, 30 at most.' }),
  title: Type.String({ maxLength: 200, description: '1 to 60 characters on one line.' }),
});
export type NewTeam = Static<typeof NewTeamSchema>;

export const MemberParamsSchema = closed({
  id: Type.String({ minLength: 1, maxLength: 100 }),
  userId: Type.String({ minLength: 1, maxLength: 100, description: 'The id or the name of the person.' }),
});

export const MembershipSchema = closed({ role: TeamRoleSchema, undoes: Type.Optional(UndoesSchema) });
export type Membership = Static<typeof MembershipSchema>;

/** What takes a change of a membership back, to be sent as the next one (PUT); absent when nothing changed. */
export const MembershipChangeSchema = closed({
  undo: Type.Optional(closed({ role: TeamRoleSchema, undoes: UndoesSchema })),
});
export type MembershipChange = Static<typeof MembershipChangeSchema>;
