/** Questions about areas of files, folders and what lies in them; what each act answers knows its way back. */
import { apiRoot, ask, request, textual } from '#lib/api/request.ts';
import { rememberUndo, type UndoRequest } from '#lib/api/undo.ts';
import type { FileActResult, FileAreaList, FileEntry, FileRights, Folder, FolderQuery } from '#lib/contract.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { withQuery } from '#lib/urls.ts';

const at = (place: Place): string => `/files/${addressOf(place)}`;
const rootOf = (area: string): Place => ({ area, address: '' });

/** `etag`: the version it must still have. `keepsBoth`: under the next free name when its own is taken. */
export type Carry = { etag?: string; keepsBoth?: boolean };

export const filesApi = {
  areas: () => request<FileAreaList>('GET', '/areas'),
  folder: (place: Place, query: FolderQuery = {}) => request<Folder>('GET', withQuery(at(place), textual(query))),
  /** One thing itself, whatever it is, with what may be done there. */
  entry: (place: Place) => request<OneThing>('GET', `${at(place)}?list=entry`),
  async makeFolder(place: Place): Promise<FileActResult> {
    const made = await act(place, 'mkdir');
    return rememberUndo(made, undoAt(made, 'trash', versionIn(made)));
  },
  async move(from: Place, to: Place, carry: Carry = {}): Promise<FileActResult> {
    const moved = await act(from, 'move', { to: addressOf(to), ...carry });
    return rememberUndo(moved, undoAt(moved, 'move', { to: addressOf(from), ...versionIn(moved), ...sharesOf(moved) }));
  },
  async copy(from: Place, to: Place, carry: Carry = {}): Promise<FileActResult> {
    const copied = await act(from, 'copy', { to: addressOf(to), ...carry });
    return rememberUndo(copied, undoAt(copied, 'trash', versionIn(copied)));
  },
  async trash(place: Place, version: { etag?: string } = {}): Promise<FileActResult> {
    const gone = await act(place, 'trash', version);
    const { id, path } = gone.trashed!;
    return rememberUndo(gone, { ...undoOn(rootOf(place.area), 'restore', { id, ...sharesOf(gone) }), where: path });
  },
  async restore(area: string, id: string): Promise<FileActResult> {
    const restored = await act(rootOf(area), 'restore', { id });
    return rememberUndo(restored, undoAt(restored, 'trash', versionIn(restored)));
  },
  emptyTrash: (area: string, ids?: readonly string[]) => act(rootOf(area), 'empty', ids ? { ids } : {}),
  /** A zip of some entries of a folder, as it comes. */
  zip: (folder: Place, names: readonly string[], signal: AbortSignal) =>
    ask('POST', `${at(folder)}?op=zip`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ names }),
      signal,
    }),
};

export type OneThing = Omit<Folder, 'entry' | 'rights'> & { entry: FileEntry; rights: FileRights };

const act = (place: Place, op: string, body: object = {}) =>
  request<FileActResult>('POST', `${at(place)}?op=${op}`, body);

const undoOn = (place: Place, op: string, body: object): UndoRequest => ({
  method: 'POST',
  path: `${at(place)}?op=${op}`,
  body,
  topic: 'files',
});

/** What was changed meanwhile is not taken back: the answer names the version that it left there. */
const undoAt = ({ area = '', address = '' }: FileActResult, op: string, body: object): UndoRequest =>
  undoOn({ area, address }, op, body);

const versionIn = ({ entry }: FileActResult): { etag?: string } => (entry?.etag ? { etag: entry.etag } : {});

/** What it ended comes back with it. */
const sharesOf = ({ endedShares: shares = [] }: FileActResult): { shares?: string[] } =>
  shares.length > 0 ? { shares } : {};

/** Where the bytes of a file are: `isKept` for one to keep instead of to show. */
export const bytesAt = (place: Place, { isKept = false } = {}): string =>
  `${apiRoot}${at(place)}${isKept ? '?download=1' : ''}`;

/** Where a folder, or one thing, is packed. */
export const zipAt = (place: Place): string => `${apiRoot}${at(place)}?zip=store`;
