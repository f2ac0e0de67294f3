/** A file read from its beginning, part by part. */
import type { Place } from '#lib/files/place.ts';
import { readPart, type Version } from './bytes.ts';
import { encodingOf, type Encoding, TextReader } from './encoding.ts';

/** One version of a file, and the bytes it begins with. */
export type Looked = { place: Place; version: Version; first: Uint8Array };

/** So much tells what a file is, and is the whole of most. */
export const firstBytes = 256 * 1024;

export class PartReader {
  /** Bytes that were read. */
  at = 0;
  readonly #looked: Looked;

  constructor(looked: Looked) {
    this.#looked = looked;
  }

  get isDone(): boolean {
    return this.at >= this.#looked.version.size;
  }

  /** At most so many bytes; the first ones are there already. */
  async next(length: number): Promise<Uint8Array> {
    const { place, version, first } = this.#looked;
    const kept = first.subarray(this.at, this.at + length);
    this.at += kept.length;
    if (this.isDone || kept.length === length) return kept;
    const { bytes } = await readPart(place, { from: this.at, length: length - kept.length, etag: version.etag });
    this.at += bytes.length;
    if (kept.length === 0) return bytes;
    const all = new Uint8Array(kept.length + bytes.length);
    all.set(kept);
    all.set(bytes, kept.length);
    return all;
  }
}

/** The same as text. */
export class TextParts {
  readonly encoding: Encoding;
  readonly #parts: PartReader;
  readonly #reader: TextReader;

  constructor(looked: Looked) {
    this.encoding = encodingOf(looked.first, looked.first.length === looked.version.size)!;
    this.#parts = new PartReader(looked);
    this.#reader = new TextReader(this.encoding);
  }

  get at(): number {
    return this.#parts.at;
  }

  get isDone(): boolean {
    return this.#parts.isDone;
  }

  /** There were bytes that are no text of the encoding. */
  get hasBroken(): boolean {
    return this.#reader.hasBroken;
  }

  async next(bytes: number): Promise<string> {
    const part = await this.#parts.next(bytes);
    return this.#reader.read(part, this.isDone);
  }
}
