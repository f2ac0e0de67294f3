import { join } from 'node:path';
import type { Clock, Log } from '../../lib/index.ts';
import { type Book, type BookBounds, openBook } from './book.ts';

/** What all services of this machine said. */
export type Outputs = {
  of(serviceId: string): Promise<Book>;
  remove(serviceId: string): Promise<void>;
  /** Writes what is not written yet; to be called when no program runs any more. */
  close(): Promise<void>;
};

/** `folder`: of the gateway alone; the names in it are ids. */
export function createOutputs(folder: string, options: BookBounds & { clock: Clock; log: Log }): Outputs {
  const books = new Map<string, Promise<Book>>();

  function of(id: string): Promise<Book> {
    const known = books.get(id);
    if (known !== undefined) return known;
    const opened = openBook(join(folder, id), options);
    books.set(id, opened);
    opened.catch(() => books.delete(id));
    return opened;
  }

  return {
    of,
    async remove(id) {
      const book = await of(id);
      books.delete(id);
      await book.remove();
    },
    async close() {
      for (const book of books.values()) await (await book).close();
    },
  };
}
