import type { Readable } from 'node:stream';
import type { Entry, Name, Path } from '../../files/index.ts';

/** A place in an area: `team:physics` and the path in it. */
export type Place = { area: string; path: Path };

/** What stands somewhere; `link` and `other` have no content here. */
export type Thing = Pick<Entry, 'kind' | 'size' | 'etag' | 'modifiedAt'>;
export type Child = Thing & { name: Name };

/** What may stand at the target: nothing when `isNew`, one of these versions, or, without either, anything. */
export type Condition = { isNew?: boolean; ifMatch?: string };

/** A file of this machine. */
export type Source = {
  size: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** When it was changed last, epoch milliseconds. */
  modifiedAt: number;
  /** Its bytes from an offset on. */
  open(from: number): Readable;
};

/** As the API takes it, with the nearest one for what cannot be said so. */
export const secondsOf = ({ modifiedAt }: Pick<Source, 'modifiedAt'>): string =>
  (Math.min(Math.max(0, modifiedAt), lastTime) / 1000).toFixed(3);

/** The end of the year 9999. */
const lastTime = 253_402_300_799_000;

/** Knot's files, on this machine (`here.ts`) or elsewhere (`there.ts`): what the commands need of them. */
export type Side = {
  /** Undefined when nothing is there. @throws KNOT_FILES_*, KNOT_API_* as everything here */
  look(place: Place): Promise<Thing | undefined>;
  list(place: Place): Promise<Child[]>;
  /** Lower-case hexadecimal. */
  sha256(place: Place): Promise<string>;
  /** All bytes of a file to who writes them down, in order; where the line was cut it goes on. Their SHA-256 was compared. */
  read(place: Place, write: (chunk: Buffer) => Promise<void>): Promise<{ size: number; sha256: string }>;
  write(place: Place, source: Source, condition: Condition, onBytes: (count: number) => void): Promise<void>;
  /** Of a length that nobody knows yet. */
  writeStream(place: Place, body: Readable, condition: Condition): Promise<void>;
  makeFolder(place: Place): Promise<void>;
  move(from: Place, to: Place): Promise<void>;
  trash(place: Place): Promise<void>;
};
