/** The queue in a browser: with files, a worker, the gateway and what is kept for the next visit. Fetched when the first file is chosen. */
import { refreshSoon } from '#lib/live/changes.ts';
import { isLeavingForSignIn } from '#lib/api/request.ts';
import { refusalOfName } from '#lib/files/names.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { createDigest } from './digest.ts';
import { createFolders, placeBelow } from './folders.ts';
import { isActive, type Picked, type Target, type Upload } from './model.ts';
import type { Outcome } from './outcome.ts';
import { createQueue } from './queue.ts';
import type { Kept, Records } from './records.ts';
import { addressOfUpload, giveUp, sendFile } from './transfer.ts';
import { createUnfinished } from './unfinished.ts';

export type Engine = ReturnType<typeof createEngine>;

export function createEngine(userId: string, records: Records, changed: () => void) {
  const { digest, close: closeDigest } = createDigest();
  const shown = (place: Place): void => refreshSoon([{ topic: 'files', id: addressOf(place) }]);
  const folders = createFolders(shown);

  const queue = createQueue({
    send,
    async digest(upload, told, signal) {
      const file = await upload.source!.file();
      if (upload.isRetaken) Object.assign(upload, { size: file.size, modifiedAt: file.lastModified, isRetaken: false });
      checkSame(upload, file);
      return digest(file, told, signal);
    },
    giveUp: ({ key }) => void addressOfUpload(userId, key).then(giveUp),
    keep: records.keep,
    drop: records.drop,
    changed,
    landed: (upload) => shown(placeBelow(upload.target, upload.folders)),
    isOnline: () => navigator.onLine,
    later: (act, milliseconds) => void setTimeout(act, milliseconds),
  });
  const unfinished = createUnfinished(queue);

  function send(upload: Upload, told: (bytes: number) => void): { outcome: Promise<Outcome>; stop(): void } {
    const stopped = Promise.withResolvers<Outcome>();
    // As it is now: the queue goes on with its own.
    const seen = { ...upload };
    let stop: (() => void) | undefined;
    let isStopped = false;
    async function attempt(): Promise<Outcome> {
      const obstacle = await folders.ensure(seen.target, seen.folders);
      if (obstacle) return obstacle;
      const file = await seen.source!.file();
      checkSame(seen, file);
      const address = await addressOfUpload(userId, seen.key);
      if (isStopped) return stopped.promise;
      const sending = sendFile(seen, { file, address, told });
      stop = sending.stop;
      const outcome = await sending.outcome;
      if (outcome.kind === 'refused') folders.forget();
      return outcome;
    }
    return {
      outcome: Promise.race([attempt().catch((): Outcome => ({ kind: 'unreadable' })), stopped.promise]),
      stop() {
        isStopped = true;
        stopped.resolve({ kind: 'later', why: 'line' });
        stop?.();
      },
    };
  }

  const wake = (): void => queue.wakeAll();
  const ask = (event: BeforeUnloadEvent): void => {
    const isBusy = !queue.isHalted() && [...queue.uploads.values()].some(isActive);
    if (isBusy && !isLeavingForSignIn()) event.preventDefault();
  };
  addEventListener('online', wake);
  addEventListener('beforeunload', ask);

  return {
    queue,
    unfinished,
    /** Those of an earlier visit, as far as nobody has them already. */
    offer(kept: readonly Kept[]): void {
      const left = kept.map((one): Upload => ({ ...blank, ...one, state: 'left', source: undefined }));
      unfinished.offer(left, kept);
      queue.add(left);
    },
    /** What was dropped or chosen, as it comes. */
    async take(target: Target, pieces: AsyncIterable<Picked[]>): Promise<void> {
      const batch = crypto.randomUUID();
      for await (const piece of pieces) {
        const fresh = piece.flatMap((picked) =>
          unfinished.takes(target, picked) ? [] : [uploadOf(picked, batch, target)],
        );
        for (const picked of piece) if (picked.kind === 'folder') void folders.ensure(target, picked.folders);
        const known = fresh.filter((upload) => upload !== undefined);
        for (const upload of known) if (upload.state === 'waiting') records.keep(upload);
        queue.add(known);
      }
    },
    close(): void {
      removeEventListener('online', wake);
      removeEventListener('beforeunload', ask);
      queue.pause();
      closeDigest();
      records.close();
    },
  };
}

const blank = { sent: 0, read: 0, attempts: 0, losses: 0, hasBegun: false };

function uploadOf(picked: Picked, batch: string, target: Target): Upload | undefined {
  if (picked.kind === 'folder') return undefined;
  const { folders, name } = picked;
  const facts = { ...blank, key: crypto.randomUUID(), batch, target, folders, name };
  const wrong = [...folders, name].map(refusalOfName).find((refusal) => refusal !== undefined);
  if (picked.kind === 'unreadable') {
    const problem = {
      message: 'It could not be read on your computer.',
      remedy: 'Look whether you may open it there.',
    };
    return { ...facts, size: 0, modifiedAt: 0, state: 'failed', problem };
  }
  const { size, modifiedAt, source } = picked;
  const file = { ...facts, size, modifiedAt, source };
  if (wrong !== undefined)
    return {
      ...file,
      source: undefined,
      state: 'failed',
      problem: { message: wrong, remedy: 'Give it another name first.' },
    };
  return { ...file, state: 'waiting' };
}

/** @throws Error for another file than the one that was chosen */
function checkSame({ size, modifiedAt }: Upload, file: File): void {
  if (file.size !== size || file.lastModified !== modifiedAt) throw new Error('the file has changed');
}
