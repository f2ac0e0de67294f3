/** What is known of the file that is looked at, and whether it is another one by now. */
import { ApiError, problemIn } from '#lib/api/request.ts';
import type { FileEntry, FileRights } from '#lib/contract.ts';
import type { Place } from '#lib/files/place.ts';
import type { Problem } from '#lib/problem.ts';
import { lookAt, readPart, type Version } from './bytes.ts';
import { firstBytes, type Looked } from './parts.ts';

export class FileLook {
  readonly place: Place;
  looked = $state.raw<Looked>();
  /** What it is and what I may do with it, as the gateway said last. */
  entry = $state.raw<FileEntry>();
  rights = $state.raw<FileRights>();
  /** The version on the screen: the one that was looked at, or a later one that was written here. */
  version = $state.raw<Version>();
  problem = $state.raw<Problem>();
  /** Somebody has written another version (its tag), or the file is gone. */
  newer = $state.raw<{ etag: string } | 'gone'>();

  constructor(place: Place) {
    this.place = place;
  }

  /** Looks at what is there now, and at the first bytes of a file. */
  async open(): Promise<void> {
    try {
      const { entry, rights } = await lookAt(this.place);
      [this.entry, this.rights] = [entry, rights];
      if (entry.kind !== 'file') return;
      const { version, bytes } = await readPart(this.place, { from: 0, length: firstBytes });
      this.looked = { place: this.place, version, first: bytes };
      this.saw(version);
      this.problem = undefined;
    } catch (error) {
      if (this.looked && isGone(error)) this.newer = 'gone';
      else this.problem = problemIn(error);
    }
  }

  /** This version is on the screen: it was read or written here. */
  saw(version: Version): void {
    this.version = version;
    this.newer = undefined;
  }

  /** Looks again when what was read is older than what was written here. */
  async catchUp(): Promise<void> {
    if (this.version?.etag !== this.looked?.version.etag) await this.open();
  }

  /** Asks what is there now. What cannot be asked just now is told by the next change. */
  async check(): Promise<void> {
    const known = this.version?.etag;
    if (known === undefined) return;
    try {
      const { entry, rights } = await lookAt(this.place);
      this.rights = rights;
      if (entry.kind !== 'file') this.newer = 'gone';
      else if (this.version?.etag === known) this.newer = entry.etag === known ? undefined : entry;
    } catch (error) {
      if (isGone(error)) this.newer = 'gone';
    }
  }
}

const isGone = (error: unknown): boolean => error instanceof ApiError && error.problem.status === 404;
