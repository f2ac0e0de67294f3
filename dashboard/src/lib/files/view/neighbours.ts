/** The files beside one in the order of the list. */
import type { FileEntry } from '#lib/contract.ts';

/** The one before and the next of what is no folder; neither where the list does not hold it. */
export function neighboursOf(
  entries: readonly FileEntry[],
  address: string,
): { before?: FileEntry | undefined; after?: FileEntry | undefined } {
  const files = entries.filter(({ kind }) => kind !== 'folder');
  const at = files.findIndex((entry) => entry.address === address);
  return at < 0 ? {} : { before: files[at - 1], after: files[at + 1] };
}
