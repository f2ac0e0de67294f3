import { type Book, linesOf } from './book.ts';
import { lineOf, type OutputLine, plain } from './line.ts';

export type OutputQuery = {
  /** Lines before this one, the newest of them; without `before` and `after` the newest of all. */
  before?: number;
  /** Lines behind this one, the oldest of them. */
  after?: number;
  limit: number;
  /** Only lines with this text, whatever its case. */
  search?: string;
};

export type OutputPage = {
  /** Oldest first. */
  lines: OutputLine[];
  /** There are older ones, before this number. */
  before?: number;
  /** Number of the last line of all: whoever follows goes on behind it. */
  last: number;
};

export async function readPage(book: Book, query: OutputQuery): Promise<OutputPage> {
  const pieces = await book.pieces();
  const last = book.next() - 1;
  const isWanted = matcher(query.search);
  if (query.after !== undefined) return { lines: await readOn(), last };
  return readBack();

  async function readOn(): Promise<OutputLine[]> {
    const { after = 0, limit } = query;
    const found: OutputLine[] = [];
    const start = Math.max(
      0,
      pieces.findLastIndex(({ first }) => first <= after + 1),
    );
    for (const { first, rows: read } of pieces.slice(start)) {
      const rows = await read();
      for (let index = Math.max(0, after + 1 - first); index < rows.length; index += 1) {
        if (found.length === limit) return found;
        if (isWanted(rows[index]!)) found.push(lineOf(rows[index]!, first + index));
      }
    }
    return found;
  }

  async function readBack(): Promise<OutputPage> {
    const { before = Infinity, limit } = query;
    const found: OutputLine[] = [];
    for (const { first, rows: read } of pieces.toReversed()) {
      if (first >= before) continue;
      const rows = await read();
      for (let index = Math.min(rows.length, before - first) - 1; index >= 0; index -= 1) {
        if (found.length === limit) return { lines: found.reverse(), before: first + index + 1, last };
        if (isWanted(rows[index]!)) found.push(lineOf(rows[index]!, first + index));
      }
    }
    return { lines: found.reverse(), last };
  }
}

/** What one service said, for whoever may read it. */
export type ServiceOutput = {
  page(query: OutputQuery): Promise<OutputPage>;
  /** `followBook`. */
  follow(after: number, signal: AbortSignal): AsyncGenerator<OutputLine[]>;
  /** `textOf`. */
  text(): AsyncGenerator<string>;
};

export const outputOf = (book: Book): ServiceOutput => ({
  page: (query) => readPage(book, query),
  follow: (after, signal) => followBook(book, after, signal),
  text: () => textOf(book),
});

/** Whether a row of a file holds what is searched for. */
function matcher(search: string | undefined): (row: string) => boolean {
  if (search === undefined || search === '') return () => true;
  const wanted = search.toLowerCase();
  return (row) =>
    plain(row.slice(row.indexOf(' ') + 2))
      .toLowerCase()
      .includes(wanted);
}

const mostAtOnce = 500;

/**
 * Lines behind `after` as they come, each once and in order, until the signal ends it or the service is removed. Whoever reads slowly
 * gets them from the disk, as long as they are kept: nothing waits in memory.
 */
export async function* followBook(book: Book, after: number, signal: AbortSignal): AsyncGenerator<OutputLine[]> {
  let seen = Math.min(after, book.next() - 1);
  while (!signal.aborted && !book.isRemoved()) {
    const next = book.next();
    if (seen >= next - 1) {
      await book.changed(signal);
      continue;
    }
    const recent = book.recent();
    const newer =
      recent.length > 0 && recent[0]!.n <= seen + 1
        ? recent.slice(seen + 1 - recent[0]!.n, seen + 1 - recent[0]!.n + mostAtOnce)
        : (await readPage(book, { after: seen, limit: mostAtOnce })).lines;
    // What lay between was lost.
    seen = newer.at(-1)?.n ?? next - 1;
    if (newer.length > 0) yield newer;
  }
}

/** Everything that is kept, as a text for people: nothing in it is obeyed by whatever shows it. */
export async function* textOf(book: Book): AsyncGenerator<string> {
  for (const piece of await book.pieces()) {
    const text = (await linesOf(piece)).map(
      ({ at, from, text }) => `${new Date(at).toISOString()} ${from} ${plain(text)}\n`,
    );
    if (text.length > 0) yield text.join('');
  }
}
