import { closeSync, createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DataStore, ERRORS, Upload } from '@tus/server';
import type { HeldFolder } from '../walk/held-folder.ts';
import { nameOf, textOf } from '../walk/names.ts';
import { createPace } from '../walk/tree.ts';
import { notFound, refusal } from './refusals.ts';
import { isUploadId, readUpload, removeUpload, syncUpload } from './upload-record.ts';

/** What comes while a piece is written is written as one: a thread of the pool for each 16 KiB would cost more than the writing. */
const highWaterMark = 1024 * 1024;

/**
 * The bytes of unfinished uploads for the library: one file each in a folder of Knot's own, beside the record of what is to become of
 * it. One that is finished still answers how much it has, because its last answer may have been lost with the line.
 */
export class UploadStore extends DataStore {
  readonly #folder: HeldFolder;
  readonly #options: { lifetimeMs: number; now: () => number; onRemoved: (id: string) => Promise<void> };

  constructor(
    folder: HeldFolder,
    options: { lifetimeMs: number; now: () => number; onRemoved: (id: string) => Promise<void> },
  ) {
    super();
    this.#folder = folder;
    this.#options = options;
    // Not creation-defer-length: without a length no room can be promised.
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration'];
  }

  override async create(upload: Upload): Promise<Upload> {
    try {
      closeSync(this.#folder.newFile(nameOf(upload.id)));
    } catch (error) {
      await this.remove(upload.id);
      throw error;
    }
    return upload;
  }

  override async getUpload(id: string): Promise<Upload> {
    const record = readUpload(this.#folder, id);
    if (record === undefined) throw notFound();
    const { size, createdAt, finished } = record;
    const offset = finished === undefined ? this.#sizeOf(id) : size;
    if (offset === undefined) throw refusal(ERRORS.FILE_NO_LONGER_EXISTS);
    return new Upload({ id, size, offset, creation_date: new Date(createdAt).toISOString() });
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    await pipeline(
      readable,
      createWriteStream(this.#folder.at(nameOf(id)), { flags: 'r+', start: offset, highWaterMark, flush: true }),
    );
    const size = this.#sizeOf(id) ?? 0;
    // Bytes that are acknowledged are worth something only with what is known of them.
    if (size !== readUpload(this.#folder, id)?.size) await syncUpload(this.#folder, id);
    return size;
  }

  override async remove(id: string): Promise<void> {
    await this.#options.onRemoved(id);
    removeUpload(this.#folder, id);
  }

  override getExpiration(): number {
    return this.#options.lifetimeMs;
  }

  override async deleteExpired(): Promise<number> {
    const { now, lifetimeMs } = this.#options;
    const seen = new Set<string>();
    for (const name of this.#folder.names()) seen.add(textOf(name).split('.', 1)[0]!);
    let count = 0;
    const pace = createPace();
    for (const id of seen) {
      await pace();
      if (!isUploadId(id)) continue;
      const createdAt = readUpload(this.#folder, id)?.createdAt ?? 0;
      if (createdAt >= now() - lifetimeMs) continue;
      await this.remove(id);
      count += 1;
    }
    return count;
  }

  #sizeOf(id: string): number | undefined {
    const stats = this.#folder.look(nameOf(id));
    return stats && Number(stats.size);
  }
}
