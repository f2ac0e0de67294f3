import { mkdir, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Log } from '../../lib/index.ts';
import { lineOf, type OutputLine, rowOf } from './line.ts';

export type Book = {
  /** Adds a line at the end; written to disk soon. */
  add(from: OutputLine['from'], text: string): void;
  /** The disk does not keep up: whoever reads a program is to wait. */
  isBehind(): boolean;
  /** Number of the line that comes next. */
  next(): number;
  /** The newest lines, as far as they are in memory, oldest first. */
  recent(): readonly OutputLine[];
  /** Pieces of what is kept, oldest first; each is read when it is asked for. */
  pieces(): Promise<Piece[]>;
  /** Resolves when a line was added, the book was removed or the signal ends it. */
  changed(signal: AbortSignal): Promise<void>;
  isRemoved(): boolean;
  remove(): Promise<void>;
  flush(): Promise<void>;
  /** Something is still to be added when this resolves. */
  waitFor(adding: Promise<void>): void;
  /** Writes what is not written yet, and what is still to be added; nothing from then on. */
  close(): Promise<void>;
};

/** A run of lines whose numbers follow one another. */
export type Piece = { first: number; rows(): Promise<string[]> };

export type BookBounds = {
  /** Of one service on disk; the oldest pieces go first. */
  maxBytes: number;
};

type Segment = { first: number; bytes: number };

const flushMs = 100;
const flushBytes = 64 * 1024;
const behindBytes = 1024 * 1024;
const recentLines = 200;
const recentCharacters = 64 * 1024;
/** Before a disk that was full is tried again. */
const retryMs = 2_000;
/** Those who follow are told once for all lines of a moment. */
const tellMs = 30;
const name = /^\d{15}\.log$/;
const fileOf = (first: number): string => `${String(first).padStart(15, '0')}.log`;

/**
 * What one service said, in files of a folder, each named by the number of its first line. The last line of a gateway that was killed
 * may be cut short on disk; it is taken away when the book is opened again.
 */
export async function openBook(
  folder: string,
  { maxBytes, clock, log }: BookBounds & { clock: Clock; log: Log },
): Promise<Book> {
  const segmentBytes = Math.ceil(maxBytes / 16);
  const segments = await readSegments(folder);
  let next = await endOf(folder, segments);
  let queue: { line: OutputLine; row: string }[] = [];
  let queueBytes = 0;
  let recent: OutputLine[] = [];
  let recentSize = 0;
  /** The last attempt to write failed, and will be made again. */
  let isFailing = false;
  /** Lines that were given up meanwhile. */
  let lost = 0;
  let needsSegment = segments.length === 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let coming: Promise<void> | undefined;
  let isRemoved = false;
  let waiting = new Set<() => void>();
  let telling: NodeJS.Timeout | undefined;

  function tell(): void {
    telling = undefined;
    const now = waiting;
    waiting = new Set();
    for (const wake of now) wake();
  }

  function add(from: OutputLine['from'], text: string): void {
    if (isRemoved) return;
    const line = { n: next++, at: clock.now(), from, text };
    recent.push(line);
    recentSize += text.length;
    while (recent.length > recentLines || recentSize > recentCharacters) recentSize -= recent.shift()!.text.length;
    const row = rowOf(line);
    queue.push({ line, row });
    queueBytes += row.length;
    if (queueBytes > 2 * behindBytes) {
      // The disk takes nothing any more: what is newest is kept.
      lost += queue.splice(0, Math.ceil(queue.length / 2)).length;
      queueBytes = sizeOf(queue);
      needsSegment = true;
    }
    if (waiting.size > 0) telling ??= setTimeout(tell, tellMs);
    schedule(isFailing ? retryMs : queueBytes > flushBytes ? 0 : flushMs);
  }

  function schedule(ms: number): void {
    if (timer !== undefined && ms > 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => void flush(), ms);
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  }

  async function write(): Promise<void> {
    if (isRemoved || queue.length === 0) return;
    const taken = queue;
    const given = lost;
    queue = [];
    queueBytes = 0;
    const { n, at } = taken[0]!.line;
    // The last line that was lost gives its number to the mark, so that the numbers of a file follow one another.
    const mark = rowOf({ n: n - 1, at, from: 'knot', text: `${lines(given)} left out: the disk was full.` });
    const bytes = Buffer.from((given > 0 ? mark : '') + taken.map(({ row }) => row).join(''));
    let segment = segments.at(-1);
    if (needsSegment || segment === undefined || segment.bytes + bytes.length > segmentBytes) {
      segment = { first: given > 0 ? n - 1 : n, bytes: 0 };
      segments.push(segment);
    }
    try {
      await append(folder, fileOf(segment.first), bytes, segment.bytes);
      segment.bytes += bytes.length;
      isFailing = false;
      lost -= given;
      needsSegment = lost > 0;
      await prune();
    } catch (error) {
      if (!isFailing) log.warn({ err: error }, 'the output of a service cannot be kept; it is tried again');
      if (segment.bytes === 0) segments.pop();
      isFailing = true;
      needsSegment = true;
      queue = [...taken, ...queue];
      queueBytes = sizeOf(queue);
      schedule(retryMs);
    }
  }

  async function prune(): Promise<void> {
    let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    while (total > maxBytes && segments.length > 1) {
      const oldest = segments.shift()!;
      total -= oldest.bytes;
      await rm(join(folder, fileOf(oldest.first)), { force: true });
    }
  }

  return {
    add,
    isBehind: () => !isFailing && queueBytes > behindBytes,
    next: () => next,
    recent: () => recent,
    async pieces() {
      await flush();
      const unwritten = queue;
      return [
        ...segments.map(({ first }) => ({ first, rows: () => readRows(join(folder, fileOf(first))) })),
        ...(unwritten.length > 0
          ? [{ first: unwritten[0]!.line.n, rows: async () => unwritten.map(({ row }) => row.slice(0, -1)) }]
          : []),
      ];
    },
    changed(signal) {
      if (isRemoved || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    },
    isRemoved: () => isRemoved,
    async remove() {
      isRemoved = true;
      clearTimeout(timer);
      clearTimeout(telling);
      recent = [];
      queue = [];
      tell();
      await writing;
      await rm(folder, { recursive: true, force: true });
    },
    flush,
    waitFor(adding) {
      coming = Promise.all([coming, adding]).then(() => undefined);
    },
    async close() {
      await coming;
      await flush();
      clearTimeout(timer);
      clearTimeout(telling);
      tell();
    },
  };
}

const sizeOf = (queue: readonly { row: string }[]): number => queue.reduce((sum, { row }) => sum + row.length, 0);

/** For a mark. */
export const lines = (count: number): string => (count === 1 ? '1 line was' : `${count} lines were`);

/** Behind what is there already; nothing of it when not all of it fits. */
async function append(folder: string, name: string, bytes: Buffer, at: number): Promise<void> {
  if (at === 0) await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(join(folder, name), 'a', 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
  } catch (error) {
    await file.truncate(at).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

async function readSegments(folder: string): Promise<Segment[]> {
  const names = (await readdir(folder).catch(nothingThere)).filter((each) => name.test(each)).sort();
  return Promise.all(
    names.map(async (each) => ({ first: Number.parseInt(each, 10), bytes: (await stat(join(folder, each))).size })),
  );
}

/** Number of the line that comes next; a line that was cut short goes. */
async function endOf(folder: string, segments: Segment[]): Promise<number> {
  const last = segments.at(-1);
  if (last === undefined) return 1;
  const path = join(folder, fileOf(last.first));
  const bytes = await readFile(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await truncate(path, end);
  last.bytes = end;
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return last.first + count;
}

/** Nothing where the file went meanwhile: it was the oldest. */
async function readRows(path: string): Promise<string[]> {
  return readFile(path, 'utf8').then((text) => text.split('\n').slice(0, -1), nothingThere);
}

function nothingThere(error: unknown): string[] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}

export const linesOf = async ({ first, rows }: Piece): Promise<OutputLine[]> =>
  (await rows()).map((row, index) => lineOf(row, first + index));
