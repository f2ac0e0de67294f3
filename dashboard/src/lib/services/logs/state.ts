import type { LogBook } from '#lib/services/logs/book.svelte.ts';

/** How it is with the lines that are shown, for who waits for more. */
export function stateOfLines(book: LogBook | undefined, search: string): string {
  if (search !== '') return 'Only lines with this text.';
  if (book?.isOver) return 'No more lines come: it is gone, or not yours to read any more.';
  if (book && !book.isOpen && book.blocks.length > 0) return 'Reconnecting…';
  return 'New lines come by themselves.';
}
