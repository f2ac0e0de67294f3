/** The keys of the files page: what each does to the entries that are chosen, or to the one that has the keyboard. */
import { goto } from '$app/navigation';
import { changes } from '#lib/files/changes.ts';
import { clipboard } from '#lib/files/clipboard.svelte.ts';
import type { FolderScene } from '#lib/files/desk.svelte.ts';
import type { Item } from '#lib/files/item.ts';
import type { Shortcut } from '#lib/frame/shortcuts.svelte.ts';

export const fileShortcuts: readonly Shortcut[] = [
  { keys: ['↑', '↓'], does: 'Go from entry to entry' },
  { keys: ['Enter'], does: 'Open' },
  { keys: ['Backspace'], does: 'To the folder above' },
  { keys: ['Space'], does: 'Choose, with Shift all up to here' },
  { keys: ['Ctrl', 'A'], does: 'Choose all on this page' },
  { keys: ['F2'], does: 'Rename' },
  { keys: ['Del'], does: 'Delete into the trash' },
  { keys: ['Ctrl', 'C'], does: 'Copy' },
  { keys: ['Ctrl', 'X'], does: 'Cut' },
  { keys: ['Ctrl', 'V'], does: 'Paste into this folder' },
];

/** Does what a key means here; what it does not know it leaves to the browser. */
export function press(event: KeyboardEvent, items: readonly Item[], scene: FolderScene & { up: string }): void {
  const act = actOf(event, items, scene);
  if (!act) return;
  event.preventDefault();
  void act();
}

function actOf(
  { key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent,
  items: readonly Item[],
  { desk, folder, rights, up }: FolderScene & { up: string },
): (() => unknown) | undefined {
  const { canRead, canWrite, canAdd } = rights;
  const isAny = items.length > 0;
  if (altKey || shiftKey) return undefined;
  if (ctrlKey || metaKey) {
    // Text that somebody marked is what they want to copy.
    if (getSelection()?.isCollapsed === false) return undefined;
    if (key === 'c' && isAny && canRead) return () => clipboard.hold('copy', items);
    if (key === 'x' && isAny && canWrite) return () => clipboard.hold('move', items);
    if (key === 'v' && canAdd && clipboard.held) return () => clipboard.paste(folder);
    return undefined;
  }
  if (key === 'Backspace') return () => goto(up);
  if (!canWrite || !isAny) return undefined;
  if (key === 'Delete') return () => changes.trash(items);
  if (key === 'F2' && items.length === 1) return () => (desk.renamed = items[0]);
  return undefined;
}
