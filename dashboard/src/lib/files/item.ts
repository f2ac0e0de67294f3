/** Something in a folder, with where it is. */
import type { FileEntry, Folder } from '#lib/contract.ts';
import { childOf, type Place } from '#lib/files/place.ts';

export type Item = FileEntry & {
  place: Place;
  /** The folder it is in. */
  folder: Place;
  /** Its text, of what a search found below the folder that is shown. */
  folderName?: string;
};

/** What an answer shows of a folder, or found below it. */
export function itemsOf(place: Place, { entries, found }: Pick<Folder, 'entries' | 'found'>): Item[] {
  const listed = (entries ?? []).map((entry): Item => ({ ...entry, folder: place, place: childOf(place, entry) }));
  const searched = (found ?? []).map(({ folder: address, folderName, ...entry }): Item => {
    const folder = address === '' ? place : childOf(place, { address });
    return { ...entry, folder, folderName, place: childOf(folder, entry) };
  });
  return [...listed, ...searched];
}
