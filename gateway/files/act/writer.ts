import type { FileHandle } from 'node:fs/promises';

/** A file that is written from its beginning. */
export type Writer = {
  /** Takes a piece; to be awaited before the next one is taken. @throws what the disk said, of this piece or an earlier one */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Resolves when everything is on the disk. */
  end(): Promise<void>;
};

/** In memory at most, besides what is being written: a thread of the pool for each piece of 16 KiB would cost more than the writing. */
const mostWaiting = 1024 * 1024;
/** So much is written before the disk is asked to take it, so that it does not begin when the last byte has come. */
const syncedAtOnce = 64 * 1024 * 1024;

/** Writes in large pieces while the next one comes. The caller closes the file, after `end` or a failure has been awaited. */
export function createWriter(file: FileHandle): Writer {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let unsyncedBytes = 0;
  let writing: Promise<void> | undefined;
  /** The piece that is being written. */
  let piece: Promise<void> | undefined;
  let syncing: Promise<void> | undefined;
  let failure: { error: unknown } | undefined;

  const fail = (error: unknown): void => void (failure ??= { error });

  function check(): void {
    if (failure) throw failure.error;
  }

  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0 && failure === undefined) {
      const chunks = waiting;
      const bytes = waitingBytes;
      waiting = [];
      waitingBytes = 0;
      piece = writeAll(file, chunks, bytes);
      await piece;
      unsyncedBytes += bytes;
      if (unsyncedBytes < syncedAtOnce || syncing) continue;
      unsyncedBytes = 0;
      syncing = file.datasync().then(() => void (syncing = undefined), fail);
    }
    writing = undefined;
  }

  return {
    write(chunk) {
      check();
      waiting.push(chunk);
      waitingBytes += chunk.length;
      writing ??= writeWaiting().catch(fail);
      return waitingBytes < mostWaiting ? undefined : piece?.then(check);
    },
    async end() {
      await writing;
      await syncing;
      check();
      await file.sync();
    },
  };
}

async function writeAll(file: FileHandle, chunks: Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten === bytes) return;
  // A full disk, or a signal: what is left, as one piece.
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  for (let written = 0; written < rest.length;) {
    written += (await file.write(rest, written)).bytesWritten;
  }
}
