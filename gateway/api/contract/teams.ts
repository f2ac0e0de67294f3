import { type Static, Type } from 'typebox';
import { limits } from '../../lib/index.ts';
import { closed, TeamRoleSchema, TimeSchema } from './common.ts';
import { listQuery, TotalSchema } from './lists.ts';
import { UndoesSchema, UserStateSchema } from './users.ts';

export const TeamSchema = closed({
  id: Type.String(),
  name: Type.String(),
  title: Type.String(),
  createdAt: TimeSchema,
  members: Type.Integer({ description: 'How many, managers among them.' }),
  managers: Type.Integer(),
});
export type Team = Static<typeof TeamSchema>;

export const TeamQuerySchema = listQuery(
  ['title', 'name', 'members', 'createdAt'],
  'Part of the title or the name. Unsorted, by title.',
  { isMine: Type.Optional(Type.Boolean({ description: 'Only those I am in, also for admins.' })) },
);
export type TeamQuery = Static<typeof TeamQuerySchema>;

export const TeamPageSchema = closed({ teams: Type.Array(TeamSchema), total: TotalSchema });
export type TeamPage = Static<typeof TeamPageSchema>;

export const TeamParamsSchema = closed({
  idOrName: Type.String({ minLength: 1, maxLength: 100, description: 'Id or name.' }),
});

export const TeamMemberSchema = closed({
  userId: Type.String(),
  username: Type.String(),
  email: Type.Optional(Type.String()),
  state: Type.Optional(UserStateSchema),
  role: TeamRoleSchema,
  since: TimeSchema,
});
export type TeamMember = Static<typeof TeamMemberSchema>;

export const MemberQuerySchema = listQuery(
  ['name', 'role', 'since'],
  'Part of the username or, for admins, the e-mail address. Unsorted, managers first, then by name.',
  { role: Type.Optional(TeamRoleSchema) },
);
export type MemberQuery = Static<typeof MemberQuerySchema>;

export const MemberPageSchema = closed({
  members: Type.Array(TeamMemberSchema),
  total: TotalSchema,
  counts: closed(
    { manager: Type.Integer(), member: Type.Integer() },
    'How many the query finds of each role, whatever `role` asks for.',
  ),
});
export type MemberPage = Static<typeof MemberPageSchema>;

export const NewTeamSchema = closed({
  // Only bounded here: what is wrong is told for all fields at once, by the module that owns the rules.
  name: Type.String({ maxLength: 200, description: `a–z and 0–9, a letter first, ${limits.name} at most.` }),
  title: Type.String({ maxLength: 200, description: `1 to ${limits.teamTitle} characters on one line.` }),
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
