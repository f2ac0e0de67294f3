import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

const rights = oneOf('view', 'open', 'edit', 'upload');

export const ShareSchema = closed({
  id: Type.String(),
  area: Type.String({ description: 'As this person names it: private, team:NAME, user:NAME.' }),
  path: Type.String({ description: 'Of the folder or file in the area; empty for all of it.' }),
  address: Type.String({ description: 'The path as an address below the area.' }),
  kind: oneOf('folder', 'file', 'gone'),
  owner: closed({ kind: oneOf('user', 'team'), name: Type.String(), title: Type.String() }),
  with: Type.String({ description: 'user:NAME, team:NAME or guest.' }),
  right: rights,
  createdBy: Type.String(),
  createdAt: TimeSchema,
  expiresAt: Type.Union([TimeSchema, Type.Null()]),
  bindsBrowser: Type.Boolean({ description: 'A link that works in the first browser that opens it.' }),
  uses: Type.Array(
    closed({
      name: Type.String(),
      firstAt: TimeSchema,
      lastAt: TimeSchema,
      lastFrom: Type.String(),
      times: Type.Integer({ description: 'How often; what happens within a minute is one.' }),
    }),
    { description: 'Who used it and when, last first, to about a minute; told to who may share it.' },
  ),
});
export type Share = Static<typeof ShareSchema>;

export const ShareListSchema = closed({
  given: Type.Array(ShareSchema, { description: 'Of mine, and of the teams I manage.' }),
  received: Type.Array(ShareSchema, { description: 'With me, or with a team I am in.' }),
});
export type ShareList = Static<typeof ShareListSchema>;

export const NewShareSchema = closed({
  area: Type.String({ minLength: 1, maxLength: 100, description: 'private or team:NAME.' }),
  path: Type.Optional(Type.String({ maxLength: 8192, description: 'All of the area by default.' })),
  with: Type.String({ minLength: 1, maxLength: 100, description: 'user:NAME, team:NAME or guest.' }),
  right: rights,
  days: Type.Optional(
    Type.Number({
      description: 'Until it ends by itself; by default never. A guest needs one, of 90 at most.',
    }),
  ),
  bindsBrowser: Type.Optional(Type.Boolean({ description: 'A link that works in the first browser that opens it.' })),
});
export type NewShare = Static<typeof NewShareSchema>;

export const CreatedShareSchema = closed({
  share: ShareSchema,
  url: Type.Optional(Type.String({ description: 'The link of a guest. It is told now and never again.' })),
});
export type CreatedShare = Static<typeof CreatedShareSchema>;

export const ShareQuerySchema = closed({
  area: Type.Optional(Type.String({ maxLength: 100 })),
  address: Type.Optional(
    Type.String({ maxLength: 100_000, description: 'With area: only what is shared of this folder or file itself.' }),
  ),
});

export const ShareChangeSchema = closed({
  expiresAt: Type.Union([TimeSchema, Type.Null()], { description: 'When it ends by itself; null for never.' }),
});

export const OneShareSchema = closed({ share: ShareSchema });

export const ChangedShareSchema = closed({ share: ShareSchema, undo: ShareChangeSchema });
export type ChangedShare = Static<typeof ChangedShareSchema>;

export const ShareUndoSchema = closed({ share: Type.String({ description: 'The id again.' }) });

export const EndedShareSchema = closed({
  undo: Type.Optional(ShareUndoSchema),
});
export type EndedShare = Static<typeof EndedShareSchema>;
