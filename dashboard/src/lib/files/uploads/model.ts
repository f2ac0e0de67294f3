/** Words that the modules of uploads share. */
import type { Place } from '#lib/files/place.ts';
import type { Problem } from '#lib/problem.ts';

/** The folder somebody uploads to: its place, and its path as text. */
export type Target = { place: Place; path: string };

/** Something in this browser's hands that can be read, now or after a question. */
export type Source = {
  /** @throws DOMException NotFoundError, NotReadableError, NotAllowedError of the browser */
  file(): Promise<File>;
  /**
   * FileSystemHandle of what was dropped or chosen, of the browsers that have them: of the file, or of the first of its folders. Kept, so
   * that one press is enough after a reload.
   */
  handle?: object | undefined;
};

/** What was dropped or chosen; `folders` are the names of those between the target and it. */
export type Picked =
  | { kind: 'file'; folders: string[]; name: string; size: number; modifiedAt: number; source: Source }
  /** Itself the last of `folders`. */
  | { kind: 'folder'; folders: string[] }
  /** It was there, and the browser could not read it. */
  | { kind: 'unreadable'; folders: string[]; name: string };

export type UploadState =
  | 'waiting'
  /** Its SHA-256 is reckoned. */
  | 'checking'
  | 'sending'
  /** Everything is sent; the gateway compares it with what was read here. */
  | 'finishing'
  | 'paused'
  /** The line or the gateway is away: it goes on by itself. */
  | 'delayed'
  /** The name is taken: a person decides. */
  | 'asked'
  | 'failed'
  /** Of an earlier visit; the file has to be chosen again. */
  | 'left'
  | 'done'
  | 'skipped';

/** What has the name already, as far as one may know. */
export type There = { kind: string; size: number; modifiedAt: number; etag: string };

/** What is to be done about a name that is taken. */
export type Decision = 'beside' | 'replace' | 'skip';

export type Upload = {
  /** Random; with the person's id it makes the address of the upload (decision 0043). */
  key: string;
  /** What was dropped or chosen together. */
  batch: string;
  target: Target;
  folders: string[];
  name: string;
  /** Bytes, and epoch milliseconds, as they were when the file was chosen. */
  size: number;
  modifiedAt: number;
  state: UploadState;
  /** Bytes the gateway has, or is just taking. */
  sent: number;
  source?: Source | undefined;
  sha256?: string | undefined;
  /** Bytes read for it, while it is reckoned. */
  read: number;
  /** Whether the gateway may know of it. */
  hasBegun: boolean;
  /** How a taken name was decided, and the version that may be replaced. */
  decision?: Decision | undefined;
  ifMatch?: string | undefined;
  there?: There | undefined;
  /** Whether what is there has changed since it was decided about. */
  hasChanged?: boolean | undefined;
  /** Why it failed, or waits. */
  problem?: Pick<Problem, 'message' | 'remedy'> | undefined;
  /** Attempts since anything went forward. */
  attempts: number;
  /** How often the gateway knew nothing more of it. */
  losses: number;
  /** Whether it was sent as a whole once more because something else had arrived. */
  isRepeated?: boolean | undefined;
  /** Whether it is taken as it is now, although it was another one when it was chosen. */
  isRetaken?: boolean | undefined;
};

/** Path of a file below its area, as text. */
export const pathOf = ({ target, folders, name }: Pick<Upload, 'target' | 'folders' | 'name'>): string =>
  [target.path, ...folders, name].filter((part) => part !== '').join('/');

/** Whether it goes on without anybody doing something. */
export const isActive = ({ state }: Pick<Upload, 'state'>): boolean =>
  ['waiting', 'checking', 'sending', 'finishing', 'delayed'].includes(state);
