/** Which dialog of the files page is open, and about what. Each has its component in `routes/(app)/files`. */
import type { FileRights } from '#lib/contract.ts';
import type { Item } from '#lib/files/item.ts';
import type { Place } from '#lib/files/place.ts';
import type { Shared } from '#lib/files/shares/thing.ts';

export class Desk {
  /** What gets another name. */
  renamed = $state.raw<Item>();
  /** What is moved or copied to a folder that is chosen. */
  carried = $state.raw<{ how: 'move' | 'copy'; items: readonly Item[] }>();
  /** Whose details are shown. */
  shown = $state.raw<Item>();
  /** What others are let into. */
  shared = $state.raw<Shared>();
}

/** What acts and keys need to know of the page: its dialogs, the folder that is shown and what may be done in it. */
export type FolderScene = { desk: Desk; folder: { place: Place; title: string }; rights: FileRights };
