import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server, type ServerOptions, type Upload } from '@tus/server';
import { type Clock, KnotError, knotError, type Log, publicError } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import { checkCondition } from '../act/condition.ts';
import type { Acts } from '../act/move.ts';
import { freeName } from '../act/place.ts';
import { putStaged } from '../act/put.ts';
import { type Quota, uploadMark, withoutFigures } from '../quota/quota.ts';
import type { Area } from '../walk/areas.ts';
import { fileError, notAFile, taken } from '../walk/errors.ts';
import { withFolder } from '../walk/held-folder.ts';
import { nameOf, type Path, pathOfText } from '../walk/names.ts';
import { numbered } from '../walk/tree.ts';
import { timeIn } from '../act/time-said.ts';
import { sha256Of } from './checksum.ts';
import { createLocker } from './locker.ts';
import { createGivenUp, wasGivenUp } from './given-up.ts';
import { notFound, refusal } from './refusals.ts';
import { isUploadId, readUpload, type UploadRecord, writeUpload } from './upload-record.ts';
import { UploadStore } from './upload-store.ts';

/** Who sends a request about uploads, and what they may do. */
export type Uploader = {
  userId: string;
  /** The area a name means to this person, if they may put a file to this path in it. @throws what the API answers instead */
  placeFor(name: string, path: Path): Promise<UploadPlace>;
  /** Whether they still may. @throws as above */
  checkPlace(area: Area, path: Path): Promise<void>;
  /** Writes the audit record, before the client is told that the file is there. */
  note(act: { area: Area; path: Path; isNew: boolean; bytes: number }): Promise<void>;
};

export type UploadPlace = {
  area: Area;
  mayReplace: boolean;
  /** Of who does not see what is there: how many folders of the path they know to stand. */
  knownFolders?: number | undefined;
  /** Whether they are told how full the area is. */
  maySeeUsage: boolean;
};

export type Uploads = {
  /** Serves a request of the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload) below `path`. */
  handle(request: IncomingMessage, response: ServerResponse, uploader: Uploader): Promise<void>;
  /** Forgets what nobody went on with. */
  expire(): Promise<void>;
};

/** As long as the bytes of the largest upload take to be read once more. */
const lockWaitMs = 30 * 60 * 1000;

const known = () =>
  knotError('KNOT_FILES_UPLOAD_KNOWN', 409, 'This upload has begun already.', {
    remedy: 'Ask how much of it has arrived (HEAD of its address), and go on from there.',
  });

export function createUploads(parts: {
  acts: Acts;
  quota: Quota;
  store: Store;
  /** Where requests arrive: `/api/v1/uploads`. */
  path: string;
  mostBytes: number;
  lifetimeMs: number;
  clock: Clock;
  log: Log;
  /** A file is at its place. */
  onWritten(area: Area, path: Path, knownFolders?: number): void;
}): Uploads {
  const { acts, quota, store, path, mostBytes, lifetimeMs, clock, log } = parts;
  const folder = acts.areas.uploads;
  const uploaders = new WeakMap<object, Uploader>();
  const givenUp = createGivenUp(clock);
  const reservationOf = (area: Area, id: string) => quota.reservation(area, `${uploadMark}${id}`);

  const uploadStore = new UploadStore(folder, {
    lifetimeMs,
    now: clock.now,
    async onRemoved(id) {
      const record = readUpload(folder, id);
      if (record && record.finished === undefined) await reservationOf(record.area, id).release();
    },
  });

  function uploaderOf(request: Parameters<NonNullable<ServerOptions['onIncomingRequest']>>[0]): Uploader {
    const raw = request.runtime?.node?.req;
    const uploader = raw && uploaders.get(raw);
    if (uploader === undefined) throw new Error('a request about an upload came without its sender');
    return uploader;
  }

  /** Each request about an upload: only of who began it, and only as long as they may. */
  async function admit(request: Parameters<typeof uploaderOf>[0], id: string): Promise<void> {
    const uploader = uploaderOf(request);
    if (request.method === 'POST') return;
    const record = readUpload(folder, id);
    // It may be about to begin: the question that begins it was sent before, and waits somewhere.
    if (record === undefined && request.method === 'DELETE') givenUp.note(id);
    if (record === undefined || record.userId !== uploader.userId) throw notFound();
    await uploader.checkPlace(record.area, record.path);
    // All bytes are here, but the gateway ended before it put the file to its place, or is about to: then this waits for it.
    const isComplete = record.finished === undefined && Number(folder.look(nameOf(id))?.size ?? -1n) === record.size;
    if (isComplete && request.method === 'HEAD') await finish(uploader, id);
  }

  /** With `key`, an address that who begins the upload can reckon: the answer to the beginning may be lost with the line (decision 0043). */
  function newId(request: Parameters<typeof uploaderOf>[0], key: string | null | undefined): string {
    if (typeof key !== 'string') return randomBytes(16).toString('hex');
    if (!/^[A-Za-z0-9_-]{16,64}$/.test(key)) throw refusal({ status_code: 400, body: 'The key is not one.\n' });
    return createHash('sha256')
      .update(`${uploaderOf(request).userId}/${key}`)
      .digest('hex')
      .slice(0, 32);
  }

  async function locked<T>(id: string, work: () => Promise<T>): Promise<T> {
    const lock = locker.newLock(id);
    // Nobody is told to let go: what is done here is short or must come to its end.
    await lock.lock(AbortSignal.timeout(lockWaitMs), () => undefined);
    try {
      return await work();
    } finally {
      await lock.unlock();
    }
  }

  async function begin(request: Parameters<typeof uploaderOf>[0], upload: Upload): Promise<object> {
    const uploader = uploaderOf(request);
    const { metadata = {}, size = 0, id } = upload;
    const target = pathOfText(metadata['path'] ?? '');
    const { area, mayReplace, knownFolders, maySeeUsage } = await uploader.placeFor(metadata['area'] ?? '', target);
    const modifiedAt = timeIn(metadata['mtime']);
    if (target.length === 0 || acts.areas.isReserved(target)) throw notAFile();
    const ifMatch = mayReplace ? metadata['ifMatch']?.split(',').map((tag) => tag.trim()) : undefined;
    return metadata['key'] === undefined ? note() : locked(id, note);

    async function note(): Promise<object> {
      // Before the name is looked at: what has it may be this very upload, whose answer was lost.
      if (readUpload(folder, id) !== undefined) throw known();
      if (givenUp.has(id)) throw wasGivenUp();
      if (knownFolders === undefined) checkTarget();
      const now = clock.now();
      const reservation = await quota
        .reserve(area, size, { id: `${uploadMark}${id}`, expiresAt: now + lifetimeMs })
        .catch((error: unknown) => {
          throw maySeeUsage ? error : withoutFigures(error);
        });
      const sha256 = metadata['sha256']?.toLowerCase();
      const { userId } = uploader;
      const record = { userId, area, path: target, size, sha256, modifiedAt, ifMatch, knownFolders, createdAt: now };
      try {
        writeUpload(folder, id, record);
      } catch (error) {
        await reservation.release();
        throw error;
      }
      if (givenUp.has(id)) {
        await uploadStore.remove(id);
        throw wasGivenUp();
      }
      return {};
    }

    function checkTarget(): void {
      withFolder(acts.areas.folder(area, target.slice(0, -1)), (parent) => {
        const there = parent.look(target.at(-1)!);
        if (ifMatch !== undefined) checkCondition(there, { ifMatch });
        // What is there is described to who may replace it, so that they can decide.
        else if (there !== undefined && metadata['ifTaken'] !== 'beside')
          throw taken(undefined, mayReplace ? there : undefined);
      });
    }
  }

  /** Once, although the line may be cut while it goes on and the newcomer asks on another gateway: then the second finds it done. */
  const finish = (uploader: Uploader, id: string): Promise<void> =>
    locked(id, async () => {
      const record = readUpload(folder, id);
      if (record === undefined) throw notFound();
      if (record.finished === undefined) await finishOnce(uploader, id, record);
    });

  async function finishOnce(uploader: Uploader, id: string, record: UploadRecord): Promise<void> {
    const { area, sha256 } = record;
    const name = nameOf(id);
    if (sha256 !== undefined && (await sha256Of(folder, name)) !== sha256) {
      await uploadStore.remove(id);
      // The status that the checksum extension of tus gives it.
      throw refusal({
        status_code: 460,
        body: 'Checksum Mismatch: what arrived is not what was sent. Send it again.\n',
      });
    }
    const wanted = targetOf(record);
    const staged = { folder, name };
    const { ifMatch, modifiedAt, knownFolders } = record;
    const condition = ifMatch === undefined ? { isNew: true } : { ifMatch };
    const written = await putStaged(acts, area, wanted, staged, { ...condition, modifiedAt, knownFolders });
    const { path } = written;
    writeUpload(folder, id, { ...record, finished: path });
    await reservationOf(area, id).settle(written.bytes);
    parts.onWritten(area, path, knownFolders);
    await uploader.note({ area, path, isNew: written.isNew, bytes: record.size });
  }

  /** Where it goes: beside what somebody else put there meanwhile, because gigabytes are not thrown away for a name. */
  function targetOf({ area, path, ifMatch, knownFolders }: UploadRecord): Path {
    if (ifMatch !== undefined || knownFolders !== undefined) return path;
    const above = path.slice(0, -1);
    return withFolder(acts.areas.folder(area, above), (parent) => [...above, freeName(parent, path.at(-1)!, numbered)]);
  }

  const locker = createLocker({ store, runs: acts.runs, clock, log });
  const server = new Server({
    path,
    datastore: uploadStore,
    relativeLocation: true,
    maxSize: mostBytes,
    // Other origins have no business here; the guard of the API refuses them before.
    allowedOrigins: [],
    lockDrainTimeout: 1000,
    locker,
    namingFunction: (request, metadata) => newId(request, metadata?.['key']),
    getFileIdFromRequest: (_, last) => (last !== undefined && isUploadId(last) ? last : undefined),
    onIncomingRequest: (request, id) => inItsWords(() => admit(request, id)),
    onUploadCreate: (request, upload) => inItsWords(() => begin(request, upload)),
    onUploadFinish: (request, upload) =>
      inItsWords(async () => {
        await finish(uploaderOf(request), upload.id);
        return {};
      }),
    // Of what nobody foresaw, the library tells in the words of the system, with paths of the disk.
    onResponseError(_request, error) {
      if ('status_code' in error) return undefined;
      const told = fileError(error);
      if (!(told instanceof KnotError)) log.error({ err: error }, 'an upload could not be served');
      return answerOf(told);
    },
  });

  /** Refusals in the shape of the API, in the way the library takes them. */
  async function inItsWords<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const told = fileError(error);
      if (!(told instanceof KnotError)) throw told;
      throw refusal(answerOf(told));
    }
  }

  function answerOf(told: unknown): { status_code: number; body: string } {
    const answer = publicError(told, '');
    return { status_code: answer.statusCode, body: JSON.stringify(answer) };
  }

  return {
    async handle(request, response, uploader) {
      uploaders.set(request, uploader);
      await server.handle(request, response);
    },
    async expire() {
      await uploadStore.deleteExpired();
    },
  };
}
