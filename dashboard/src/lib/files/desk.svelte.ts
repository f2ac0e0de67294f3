/** Which dialog of the files page is open, and about what. Each has its component in `routes/(app)/files`. */
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

/** What somebody may do in the folder that is shown. */
export type Rights = { canRead: boolean; canWrite: boolean; canShare: boolean };

/** What acts need to know of the page. */
export type FolderScene = { desk: Desk; place: Place; rights: Rights };
