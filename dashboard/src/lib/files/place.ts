/**
 * Where a page of files points: an area, and below it a path in the form of addresses, without a slash at either end. What a person
 * reads is `name` or `path` of an answer, what stands in an address is `address`: a name on a disk is bytes, and not every name is text.
 */
export type Place = { area: string; address: string };

/** The place in the address of a page below `/files`, as it came: a router would decode it. */
export function placeIn(pathname: string): Place {
  const [, , area = '', ...rest] = pathname.split('/');
  return { area: decodeURIComponent(area), address: rest.filter((part) => part !== '').join('/') };
}

/** `AREA/PATH` as the API reads it. */
export const addressOf = ({ area, address }: Place): string =>
  address === '' ? encodeURIComponent(area) : `${encodeURIComponent(area)}/${address}`;

/** The place of an entry of a folder. */
export const childOf = ({ area, address }: Place, entry: { address: string }): Place => ({
  area,
  address: address === '' ? entry.address : `${address}/${entry.address}`,
});

/** The folder something lies in; of an area itself the area. */
export const parentOf = ({ area, address }: Place): Place => ({
  area,
  address: address.slice(0, Math.max(0, address.lastIndexOf('/'))),
});

/** The folders from the area down to a place, with the names to show. `path` is the text of `address`. */
export function trailOf({ area, address }: Place, path: string): { name: string; place: Place }[] {
  if (address === '') return [];
  const names = path.split('/');
  const parts = address.split('/');
  return parts.map((_, index) => ({
    name: names[index] ?? '',
    place: { area, address: parts.slice(0, index + 1).join('/') },
  }));
}

/**
 * The way down to a place, and where it begins: at the area, or for whom only a part of it is shared with at the topmost folder of that
 * part (`shared`, as the gateway answers it).
 */
export function wayTo(place: Place, path: string, title: string, shared: string | undefined) {
  const trail = trailOf(place, path);
  const at =
    shared === undefined
      ? -1
      : trail.findIndex(
          ({ place: { address } }) => pathIn({ area: '', address }) === pathIn({ area: '', address: shared }),
        );
  const first = trail[at];
  const root = first ? { title: first.name, place: first.place } : { title, place: { area: place.area, address: '' } };
  return { root, trail: trail.slice(at + 1) };
}

/** The text of an address, as the gateway writes paths: `/`-separated names. */
export const pathIn = ({ address }: Place): string => address.split('/').map(decodeURIComponent).join('/');
