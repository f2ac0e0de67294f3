import { type Static, Type } from 'typebox';
import { limits } from '../../lib/index.ts';
import { closed, NewLinkSchema, oneOf, TeamRoleSchema, TimeSchema } from './common.ts';
import { listQuery, TotalSchema } from './lists.ts';

export const UserStateSchema = oneOf('pending', 'active', 'disabled');

export const UserSchema = closed({
  id: Type.String(),
  username: Type.String(),
  email: Type.String(),
  isAdmin: Type.Boolean(),
  state: UserStateSchema,
  hasName: Type.Boolean({ description: 'False while the name is only wished for: the id alone says who is meant.' }),
  hasPassword: Type.Boolean({ description: 'False until the person has used the link.' }),
  createdAt: TimeSchema,
  lastSignInAt: Type.Union([TimeSchema, Type.Null()]),
  teams: Type.Array(closed({ name: Type.String(), role: TeamRoleSchema })),
});
export type User = Static<typeof UserSchema>;

export const UserQuerySchema = listQuery(
  ['name', 'email', 'state', 'createdAt', 'lastSignInAt'],
  'Part of the username or the e-mail address. Unsorted, those who wait for approval come first, then by name.',
  {
    state: Type.Optional(UserStateSchema),
    isAdmin: Type.Optional(Type.Boolean({ description: 'Only those with admin rights, or only those without.' })),
    team: Type.Optional(Type.String({ maxLength: 100, description: 'Only the members of the team of this name.' })),
  },
);
export type UserQuery = Static<typeof UserQuerySchema>;

export const UserPageSchema = closed({
  users: Type.Array(UserSchema),
  total: TotalSchema,
  counts: closed(
    { pending: Type.Integer(), active: Type.Integer(), disabled: Type.Integer(), admin: Type.Integer() },
    'How many the query finds of each state, whatever `state` asks for, and with admin rights, whatever `isAdmin` asks for.',
  ),
  admins: Type.Integer({ description: 'How many active accounts have admin rights, whatever is asked for.' }),
});
export type UserPage = Static<typeof UserPageSchema>;

export const UserParamsSchema = closed({
  idOrName: Type.String({ minLength: 1, maxLength: 100, description: 'Id or username.' }),
});

export const UserSessionParamsSchema = closed({
  id: Type.String({ minLength: 1, maxLength: 100 }),
  sessionId: Type.String({ minLength: 1, maxLength: 100 }),
});

// Only bounded here: what is wrong is told for all fields at once, by the module that owns the rules.
const EmailSchema = Type.String({
  maxLength: 320,
  description: `name@example.org, ${limits.email} characters at most.`,
});

export const NewUserSchema = closed({
  username: Type.String({ maxLength: 200, description: `a–z and 0–9, a letter first, ${limits.name} at most.` }),
  email: EmailSchema,
  isAdmin: Type.Optional(Type.Boolean()),
});
export type NewUser = Static<typeof NewUserSchema>;

export const CreatedUserSchema = closed({ user: UserSchema, link: NewLinkSchema });
export type CreatedUser = Static<typeof CreatedUserSchema>;

export const UndoesSchema = Type.Integer({
  minimum: 1,
  description: 'Takes an act back: from the `undo` in its answer. Refused (409) when the person was changed since.',
});

export const UserChangeSchema = Type.Object(
  {
    state: Type.Optional(oneOf('pending', 'active', 'disabled')),
    isAdmin: Type.Optional(Type.Boolean()),
    email: Type.Optional(EmailSchema),
    undoes: Type.Optional(UndoesSchema),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description: 'What to change; at least one, and exactly one of `state` and `isAdmin` beside `undoes`.',
  },
);
export type UserChange = Static<typeof UserChangeSchema>;

/** What takes a change back, to be sent as the next change. */
export const UserUndoSchema = closed({
  state: Type.Optional(UserStateSchema),
  isAdmin: Type.Optional(Type.Boolean()),
  undoes: UndoesSchema,
});
export type UserUndo = Static<typeof UserUndoSchema>;

export const ChangedUserSchema = closed({
  ...UserSchema.properties,
  undo: Type.Optional(UserUndoSchema),
});
export type ChangedUser = Static<typeof ChangedUserSchema>;

export const InvitationSchema = closed({
  id: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  createdBy: Type.String(),
  createdAt: TimeSchema,
  expiresAt: TimeSchema,
});
export type Invitation = Static<typeof InvitationSchema>;

export const InvitationListSchema = closed({ invitations: Type.Array(InvitationSchema) });
export type InvitationList = Static<typeof InvitationListSchema>;

export const NewInvitationSchema = closed({ email: Type.Optional(EmailSchema) });
export type NewInvitation = Static<typeof NewInvitationSchema>;

export const CreatedInvitationSchema = closed({ id: Type.String(), ...NewLinkSchema.properties });
export type CreatedInvitation = Static<typeof CreatedInvitationSchema>;
