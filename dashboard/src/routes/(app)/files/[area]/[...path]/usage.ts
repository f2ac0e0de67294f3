/** What takes the room of a folder, largest first, with where each leads. */
import type { FileEntry, Folder } from '#lib/contract.ts';
import { type Place } from '#lib/files/place.ts';
import { readable } from '#lib/files/readable.ts';
import { urls } from '#lib/urls.ts';
import { byteSize } from '#lib/words.ts';

export type Share = {
  key: string;
  title: string;
  kind: FileEntry['kind'] | 'rest' | 'trash';
  bytes: number;
  entries: number;
  /** Of all that is shown, 0 to 1. */
  part: number;
  size: string;
  /** A folder leads to its own picture, the trash to its list. */
  href: string | undefined;
};

export function sharesIn(
  { largest = [], rest, trashed, area, everything }: Folder,
  placeOf: (address: string) => Place,
): Share[] {
  const whole = (everything?.bytes ?? 0) + (trashed?.bytes ?? 0);
  const share = (one: Omit<Share, 'part' | 'size'>): Share => ({
    ...one,
    part: whole === 0 ? 0 : one.bytes / whole,
    size: byteSize(one.bytes),
  });
  const own = largest.map(({ name, address, kind, bytes, entries }) =>
    share({
      key: `/${address}`,
      title: readable(name),
      kind,
      bytes,
      entries,
      href: kind === 'folder' ? urls.folder(placeOf(address), { list: 'usage' }) : undefined,
    }),
  );
  const others: Share[] = [];
  if (rest && rest.bytes > 0) {
    others.push(share({ key: 'rest', title: 'Everything smaller', kind: 'rest', ...rest, href: undefined }));
  }
  if (trashed && trashed.bytes > 0) {
    const href = urls.folder({ area, address: '' }, { list: 'trash' });
    others.push(share({ key: 'trash', title: 'The trash', kind: 'trash', ...trashed, href }));
  }
  return [...own, ...others].filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
}
