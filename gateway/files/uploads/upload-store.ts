import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileStore } from '@tus/file-store';
import { Upload } from '@tus/server';
import { codeOf } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { nameOf, textOf } from '../walk/names.ts';
import { isUploadId, readUpload, removeUpload } from './upload-record.ts';

/**
 * The bytes of unfinished uploads, as the library keeps them, with what it leaves out: a full disk is said to be one, one that is
 * finished still answers how much it has, and everything about one goes with it.
 */
export class UploadStore extends FileStore {
  readonly #folder: HeldFolder;
  readonly #onRemoved: (id: string) => Promise<void>;
  readonly #lifetimeMs: number;

  constructor(options: { folder: HeldFolder; lifetimeMs: number; onRemoved: (id: string) => Promise<void> }) {
    super({ directory: options.folder.self(), expirationPeriodInMilliseconds: options.lifetimeMs });
    this.#folder = options.folder;
    this.#onRemoved = options.onRemoved;
    this.#lifetimeMs = options.lifetimeMs;
    // Without a length no room can be promised.
    this.extensions = this.extensions.filter((extension) => extension !== 'creation-defer-length');
  }

  override async getUpload(id: string): Promise<Upload> {
    const record = readUpload(this.#folder, id);
    if (record?.finished === undefined) return super.getUpload(id);
    const { size, createdAt } = record;
    return new Upload({ id, size, offset: size, creation_date: new Date(createdAt).toISOString() });
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    try {
      await pipeline(readable, createWriteStream(this.#folder.at(nameOf(id)), { flags: 'r+', start: offset }));
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) throw error;
      throw Object.assign(new Error('the disk is full'), { status_code: 507, body: 'The disk is full.\n' });
    }
    // What arrived before a line was cut counts too.
    return Number(this.#folder.look(nameOf(id))?.size ?? 0n);
  }

  override async remove(id: string): Promise<void> {
    await this.#onRemoved(id);
    removeUpload(this.#folder, id);
  }

  override async deleteExpired(): Promise<number> {
    const before = Date.now() - this.#lifetimeMs;
    let count = 0;
    for (const name of this.#folder.names()) {
      const id = textOf(name).split('.', 1)[0]!;
      const touched = this.#folder.look(name);
      const createdAt = readUpload(this.#folder, id)?.createdAt ?? Number(touched?.mtimeMs ?? 0n);
      if (touched === undefined || !isUploadId(id) || createdAt >= before) continue;
      await this.remove(id);
      count += 1;
    }
    return count;
  }
}
