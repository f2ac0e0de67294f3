import type { Column } from '#lib/ui/list/columns.ts';

type Key = 'name' | 'folder' | 'size' | 'modified';

const listed: readonly Column<Key>[] = [
  { key: 'name', title: 'Name', sort: 'name', place: 'main' },
  { key: 'size', title: 'Size', sort: 'size', startsDescending: true, place: 'second' },
  { key: 'modified', title: 'Changed', sort: 'modified', startsDescending: true, place: 'extra' },
];

/** What was found stands with its folder, in the order in which it was found. */
const found: readonly Column<Key>[] = [
  { key: 'name', title: 'Name', place: 'main' },
  { key: 'folder', title: 'In', place: 'second' },
  { key: 'size', title: 'Size', place: 'hidden' },
  { key: 'modified', title: 'Changed', place: 'extra' },
];

export const columnsOf = (isSearch: boolean): readonly Column<Key>[] => (isSearch ? found : listed);
