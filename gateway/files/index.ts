/**
 * files: one set of files for the browser, notebooks and services.
 * Owns: the areas on the disk (private, shared, team, admin), the one way to a path in them, every act on them as a whole or not at
 * all, trash, resumable uploads, zip streams, what they use of their quota.
 * Does not own: who may do what (policy, asked by api), whose an area is (owners), HTTP but for the tus protocol (api).
 * Mounts: nothing.
 *
 * Rooms, each using only those before it: walk (names, held folders, areas) > watch (who changed what) > act (write, move, copy, trash; crashes)
 * > look (lists, search, zip) > quota > uploads, locks.
 */
export { type Area as DiskArea, areaOfKey, keyOf } from './walk/areas.ts';
export type { Entry, Kind } from './walk/entry.ts';
export {
  addressOfPath,
  checkName,
  type Name,
  nameOf,
  type Path,
  pathOfAddress,
  pathOfText,
  textOf,
  textOfPath,
} from './walk/names.ts';
export type { TrashItem } from './act/trash.ts';
export { type AllowanceOf, type Usage, withoutFigures } from './quota/quota.ts';
export { bytesInWords } from './quota/words.ts';
export { type Files, type FilesSettings, openFiles } from './service.ts';
export { timeIn } from './act/time-said.ts';
export { isTaken } from './walk/errors.ts';
export { sha256OfOpen } from './uploads/checksum.ts';
export { covers, isBelow, type Lock, locked } from './locks/locks.ts';
export type { Uploader } from './uploads/uploads.ts';
