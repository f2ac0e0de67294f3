/** What somebody shares: a folder or file of an area. */
import type { Item } from '#lib/files/item.ts';
import { pathIn, type Place } from '#lib/files/place.ts';

export type Shared = {
  place: Place;
  /** The text of `place.address`; '' for all of the area. */
  path: string;
  name: string;
  kind: 'folder' | 'file';
};

/** An entry of a folder. */
export const sharedOf = ({ place, name, kind }: Item): Shared => ({
  place,
  path: pathIn(place),
  name,
  kind: kind === 'file' ? 'file' : 'folder',
});
