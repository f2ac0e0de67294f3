import type { BigIntStats } from 'node:fs';
import { textOf, type Name } from './names.ts';

/**
 * What stands at a path. A `link` leads nowhere here; `other` is a pipe, socket, device, or what could not be looked at. Both can only be
 * moved and deleted.
 */
export type Kind = 'file' | 'folder' | 'link' | 'other';

export type Entry = {
  /** Text of the name (`names.ts`); '' for the root of an area. */
  name: string;
  kind: Kind;
  /** Bytes; 0 for what is no file. */
  size: number;
  /** Epoch milliseconds. */
  modifiedAt: number;
  /** Strong, quoted (RFC 9110 section 8.8.3). */
  etag: string;
};

export const kindOf = (stats: Pick<BigIntStats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): Kind => {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
};

/**
 * Of inode, both times in nanoseconds and size, so that a second text of equal length within the same second has another one: a
 * replacement has another inode, and what is written in place another change time.
 */
export const etagOf = ({ ino, mtimeNs, ctimeNs, size }: BigIntStats): string =>
  `"${[ino, mtimeNs, ctimeNs, size].map((part) => part.toString(36)).join('-')}"`;

export const entryOf = (name: Name | undefined, stats: BigIntStats): Entry => ({
  name: name === undefined ? '' : textOf(name),
  kind: kindOf(stats),
  size: stats.isFile() ? Number(stats.size) : 0,
  modifiedAt: Number(stats.mtimeMs),
  etag: etagOf(stats),
});

/** What is listed although the system does not tell what it is: one bad entry does not hide the others. */
export const unknownEntry = (name: Name): Entry => ({
  name: textOf(name),
  kind: 'other',
  size: 0,
  modifiedAt: 0,
  etag: '',
});
