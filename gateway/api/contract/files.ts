import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

const BytesSchema = Type.Integer({ description: 'Bytes.' });

export const FileEntrySchema = closed(
  {
    name: Type.String({
      description:
        'What stands on the disk. A byte that is not part of UTF-8 is the character U+F000 + byte; so are the bytes of a character that would look like one.',
    }),
    address: Type.String({ description: 'The name as part of an address, percent-encoded.' }),
    kind: oneOf('file', 'folder', 'link', 'other'),
    size: BytesSchema,
    modifiedAt: TimeSchema,
    etag: Type.String({ description: 'For If-Match; empty when the system does not tell.' }),
  },
  'Links lead nowhere here; what is `other` cannot be read. Both can be moved and deleted.',
);
export type FileEntry = Static<typeof FileEntrySchema>;

export const FoundFileSchema = closed({
  ...FileEntrySchema.properties,
  folder: Type.String({ description: 'The folder it is in, as an address below the one that was searched.' }),
  folderName: Type.String({ description: 'The same as text.' }),
});

export const TrashItemSchema = closed({
  id: Type.String(),
  path: Type.String({ description: 'Where it was.' }),
  kind: oneOf('file', 'folder', 'link', 'other'),
  size: BytesSchema,
  deletedAt: TimeSchema,
  deletedBy: Type.String(),
  expiresAt: TimeSchema,
});
export type FileTrashItem = Static<typeof TrashItemSchema>;

export const FileUsageSchema = closed({
  bytes: Type.Integer({ description: 'Bytes, the trash included.' }),
  reserved: Type.Integer({ description: 'Bytes promised to what is being written.' }),
  limit: Type.Optional(Type.Integer({ description: 'Bytes; without one, as much as the disk takes.' })),
});

export const FileAreaSchema = closed({
  name: Type.String({ description: '`private`, `shared`, `team:NAME`, `admin`, `user:NAME`.' }),
  title: Type.String(),
  kind: oneOf('private', 'shared', 'team', 'admin'),
  owner: Type.Optional(
    closed({ kind: oneOf('user', 'team'), id: Type.String(), name: Type.String(), title: Type.String() }),
  ),
  canList: Type.Boolean(),
  canRead: Type.Boolean(),
  canWrite: Type.Boolean(),
  canManage: Type.Boolean({ description: 'May empty the trash.' }),
  usage: FileUsageSchema,
});
export type FileArea = Static<typeof FileAreaSchema>;
export const FileAreaListSchema = closed({
  areas: Type.Array(FileAreaSchema),
  uploadMaxBytes: BytesSchema,
  trashDays: Type.Integer(),
});
export type FileAreaList = Static<typeof FileAreaListSchema>;

export const FolderQuerySchema = closed({
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'From 1.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Entries of a page; 100 by default.' })),
  sort: Type.Optional(oneOf('name', '-name', 'size', '-size', 'modified', '-modified')),
  q: Type.Optional(Type.String({ maxLength: 200, description: 'Looks for names here and below instead.' })),
  list: Type.Optional(oneOf('trash', 'usage', 'entry')),
  zip: Type.Optional(oneOf('store', 'deflate')),
  download: Type.Optional(Type.String({ maxLength: 1, description: 'A file to keep, not to show.' })),
});
export type FolderQuery = Static<typeof FolderQuerySchema>;

export const FileRightsSchema = closed(
  {
    canRead: Type.Boolean(),
    canWrite: Type.Boolean(),
    canAdd: Type.Boolean({ description: 'May put new files there, and replace none.' }),
    canShare: Type.Boolean(),
    canManage: Type.Boolean({ description: 'May empty the trash.' }),
  },
  'What I may do there.',
);
export type FileRights = Static<typeof FileRightsSchema>;

const MeasureSchema = closed({ bytes: BytesSchema, entries: Type.Integer() });

export const FolderSchema = closed(
  {
    area: Type.String(),
    path: Type.String({ description: 'As text.' }),
    address: Type.String({ description: 'As an address below the area.' }),
    rights: Type.Optional(FileRightsSchema),
    root: Type.Optional(
      Type.String({
        description: 'The topmost folder that is shared with me on the way here; in an area of my own, none.',
      }),
    ),
    entry: Type.Optional(FileEntrySchema),
    total: Type.Optional(Type.Integer()),
    page: Type.Optional(Type.Integer()),
    limit: Type.Optional(Type.Integer()),
    entries: Type.Optional(Type.Array(FileEntrySchema)),
    found: Type.Optional(Type.Array(FoundFileSchema, { description: 'With `q`.' })),
    isComplete: Type.Optional(Type.Boolean({ description: 'False when there is more than `found`.' })),
    trash: Type.Optional(Type.Array(TrashItemSchema, { description: 'With `list=trash`, newest first.' })),
    largest: Type.Optional(
      Type.Array(
        closed({
          name: Type.String(),
          address: Type.String(),
          kind: oneOf('file', 'folder', 'link', 'other'),
          bytes: BytesSchema,
          entries: Type.Integer(),
        }),
        { description: 'With `list=usage`.' },
      ),
    ),
    rest: Type.Optional(MeasureSchema),
    everything: Type.Optional(MeasureSchema),
    trashed: Type.Optional(MeasureSchema),
  },
  'A folder, or with `list=entry` any one thing. A file answers its bytes instead.',
);
export type Folder = Static<typeof FolderSchema>;

export const FileWrittenSchema = closed({ ...FileEntrySchema.properties, path: Type.String() });

export const FileActQuerySchema = closed({
  op: oneOf('mkdir', 'move', 'copy', 'trash', 'restore', 'empty', 'zip'),
});

export const FileActSchema = closed(
  {
    to: Type.Optional(
      Type.String({
        maxLength: 100_000,
        description: 'Of move, copy and restore: AREA/PATH, percent-encoded as in an address.',
      }),
    ),
    etag: Type.Optional(
      Type.String({
        maxLength: 200,
        description:
          'Of move, copy and trash: the version it must still have; If-Match of a move or copy is about its target.',
      }),
    ),
    keepsBoth: Type.Optional(
      Type.Boolean({ description: 'Of move and copy: under the next free name when something of its own is there.' }),
    ),
    shares: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), {
        maxItems: 1000,
        description:
          'Of move and restore that take an act back: the shares that it ended (`endedShares`). They come back if the same person does both within a day.',
      }),
    ),
    id: Type.Optional(Type.String({ maxLength: 100, description: 'Of restore: what was deleted.' })),
    ids: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), { maxItems: 1000, description: 'Of empty; everything without.' }),
    ),
    names: Type.Optional(
      Type.Array(Type.String({ maxLength: 3000 }), {
        maxItems: 10_000,
        description: 'Of zip: addresses of entries of the folder; everything without.',
      }),
    ),
    method: Type.Optional(oneOf('store', 'deflate')),
  },
  'What each act needs: see its fields.',
);

export const FileActResultSchema = closed({
  entry: Type.Optional(FileEntrySchema),
  area: Type.Optional(Type.String()),
  path: Type.Optional(Type.String({ description: 'Where it is now, as text.' })),
  address: Type.Optional(Type.String()),
  skipped: Type.Optional(Type.Array(Type.String(), { description: 'What could not be copied.' })),
  endedShares: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Of move and trash: ids of shares that ended, of it and of what was in it.',
    }),
  ),
  trashed: Type.Optional(TrashItemSchema),
  freed: Type.Optional(BytesSchema),
});
export type FileActResult = Static<typeof FileActResultSchema>;
