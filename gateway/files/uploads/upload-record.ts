import type { Area } from '../walk/areas.ts';
import { areaOfKey, keyOf } from '../walk/areas.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { nameOf, type Path, textOf } from '../walk/names.ts';
import { readRecord, syncRecord, writeRecord } from '../act/records.ts';

/** What Knot knows of an upload besides its bytes; beside them, so that it goes on after a restart. */
export type UploadRecord = {
  userId: string;
  area: Area;
  path: Path;
  size: number;
  /** Lower-case hexadecimal, if the client told it. */
  sha256?: string | undefined;
  /** When its content was changed last, epoch milliseconds, if the client told it. */
  modifiedAt?: number | undefined;
  /** The versions that may be replaced; nothing may when there are none. */
  ifMatch?: string[] | undefined;
  /** Whose sender does not see what is there: as in `PutOptions`. */
  knownFolders?: number | undefined;
  createdAt: number;
  /** Where it was put when it was complete. */
  finished?: Path | undefined;
};

type Stored = Omit<UploadRecord, 'area' | 'path' | 'finished'> & { area: string; path: string[]; finished?: string[] };

/** Ids are random hexadecimal words of our own making. */
export const isUploadId = (id: string): boolean => /^[0-9a-f]{32}$/.test(id);

const fileOf = (id: string) => nameOf(`${id}.knot`);

export function readUpload(folder: HeldFolder, id: string): UploadRecord | undefined {
  if (!isUploadId(id)) return undefined;
  const stored = readRecord<Stored>(folder, fileOf(id));
  const area = stored && areaOfKey(stored.area);
  if (!stored || !area) return undefined;
  return { ...stored, area, path: stored.path.map(nameOf), finished: stored.finished?.map(nameOf) };
}

/** Outlives the process at once, and a power cut after `syncUpload`: most uploads are whole, and forgotten, before that would matter. */
export function writeUpload(folder: HeldFolder, id: string, { area, path, finished, ...rest }: UploadRecord): void {
  const stored: Stored = {
    ...rest,
    area: keyOf(area),
    path: path.map(textOf),
    ...(finished && { finished: finished.map(textOf) }),
  };
  writeRecord(folder, fileOf(id), stored, { isSynced: false });
}

export const syncUpload = (folder: HeldFolder, id: string): Promise<void> => syncRecord(folder, fileOf(id));

export function removeUpload(folder: HeldFolder, id: string): void {
  for (const name of [id, `${id}.knot`].map(nameOf)) if (folder.look(name)) folder.remove(name);
}
