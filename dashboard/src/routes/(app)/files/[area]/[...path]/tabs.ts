import type { FileArea } from '#lib/contract.ts';
import type { Place } from '#lib/files/place.ts';
import { urls } from '#lib/urls.ts';

/** What is shown of a folder: its entries, or one of these. */
type View = 'trash' | 'usage' | undefined;
type Shown = { place: Place; list: View; area: FileArea | undefined };

export const viewIn = (text: string | null): View => (text === 'trash' || text === 'usage' ? text : undefined);

/** The views of a folder; the trash is the area's, for who may take something out of it. */
export function tabsOf({ place, list, area }: Shown) {
  const root = { area: place.area, address: '' };
  return [
    { title: 'Files', href: urls.folder(place), isShown: list === undefined },
    { title: 'What is large', href: urls.folder(place, { list: 'usage' }), isShown: list === 'usage' },
    ...(area?.canWrite
      ? [{ title: 'Trash', href: urls.folder(root, { list: 'trash' }), isShown: list === 'trash' }]
      : []),
  ];
}
