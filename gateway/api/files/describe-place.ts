import { addressOfPath, type Entry, nameOf, textOfPath } from '../../files/index.ts';
import type { FileEntry } from '../contract.ts';
import type { Place } from './places.ts';

/** An entry with the address of its name. */
export const entryFor = (entry: Entry): FileEntry => ({
  ...entry,
  address: entry.name === '' ? '' : addressOfPath([nameOf(entry.name)]),
});

export const describePlace = ({ area, path }: Pick<Place, 'area' | 'path'>) => ({
  area: area.name,
  path: textOfPath(path),
  address: addressOfPath(path),
});
