import { write, writeSync } from 'node:fs';

/** Where the lines of a log go. */
export type LineOutput = {
  /** Writes a line now, and what waits before it. */
  write(line: string): void;
  /** Writes a line within `waitMs`, together with others; for the many that nobody waits for. */
  writeSoon(line: string): void;
  /** For the moment of exit: blocks until what waits is written, but no longer than `exitMs`. */
  flush(): void;
};

export type LineOutputOptions = {
  /** Every line at once, for a person who watches. */
  isImmediate?: boolean;
  waitMs?: number;
};

const pieceCharacters = 16 * 1024;
/** Kept when nobody takes them; beyond it lines are dropped, because memory is worth more. */
const mostWaitingCharacters = 16 * 1024 * 1024;
const defaultWaitMs = 100;
/** A pipe that is full and does not block (EAGAIN) is asked again after this. */
const fullMs = 10;
const exitMs = 2_000;

/**
 * Writes lines to a file descriptor in their order, without ever blocking the event loop. A write is a round trip through the
 * thread pool that costs more than the making of a line, so lines are joined to pieces of 16 KiB; a crash loses at most what
 * came within the last `waitMs` milliseconds. When the reader is gone (EPIPE) lines are dropped.
 */
export function createLineOutput(descriptor: number, options: LineOutputOptions = {}): LineOutput {
  const { isImmediate = false, waitMs = defaultWaitMs } = options;
  let waiting = '';
  let piece: Uint8Array | undefined;
  let isInFlight = false;
  let isGone = false;
  let timer: NodeJS.Timeout | undefined;

  function append(line: string): void {
    if (isGone || waiting.length + line.length + (piece?.length ?? 0) > mostWaitingCharacters) return;
    waiting += line;
  }

  function start(): void {
    if (piece !== undefined || waiting === '') return;
    piece = Buffer.from(waiting);
    waiting = '';
    writePiece();
  }

  function writePiece(): void {
    isInFlight = true;
    write(descriptor, piece!, 0, piece!.length, null, onWritten);
  }

  function onWritten(error: NodeJS.ErrnoException | null, bytes: number): void {
    isInFlight = false;
    if (error !== null && (error.code === 'EAGAIN' || error.code === 'EBUSY')) {
      setTimeout(() => piece !== undefined && writePiece(), fullMs).unref();
      return;
    }
    if (error === null && bytes < piece!.length) {
      piece = piece!.subarray(bytes);
      return writePiece();
    }
    piece = undefined;
    if (error !== null) return giveUp(error);
    if (waiting.length >= pieceCharacters || (isImmediate && waiting !== '')) start();
    else if (waiting !== '') startLater();
  }

  /** A full disk may have room again, a reader that is gone does not come back. */
  function giveUp({ code }: NodeJS.ErrnoException): void {
    isGone = code === 'EPIPE' || code === 'EBADF';
    waiting = '';
  }

  function startLater(): void {
    timer ??= setTimeout(onTimer, waitMs).unref();
  }

  function onTimer(): void {
    timer = undefined;
    start();
  }

  function writeNow(line: string): void {
    append(line);
    start();
  }

  return {
    write: writeNow,
    writeSoon: isImmediate
      ? writeNow
      : (line) => {
          append(line);
          if (waiting.length >= pieceCharacters) start();
          else startLater();
        },
    flush() {
      // The thread pool ends a write that is under way before the process ends.
      let left: Uint8Array = Buffer.concat([
        isInFlight || piece === undefined ? Buffer.alloc(0) : piece,
        Buffer.from(waiting),
      ]);
      waiting = '';
      if (!isInFlight) piece = undefined;
      const end = Date.now() + exitMs;
      while (left.length > 0 && !isGone) {
        try {
          left = left.subarray(writeSync(descriptor, left));
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if ((code !== 'EAGAIN' && code !== 'EBUSY') || Date.now() > end) return;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullMs);
        }
      }
    },
  };
}
