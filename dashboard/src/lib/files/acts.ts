/**
 * What can be done to entries of a folder: the menu of a row and the bar above the list are drawn from this one list. What asks
 * first sets a field of the desk, and its dialog opens.
 */
import Copy from '@lucide/svelte/icons/copy';
import Download from '@lucide/svelte/icons/download';
import FolderInput from '@lucide/svelte/icons/folder-input';
import Info from '@lucide/svelte/icons/info';
import PencilLine from '@lucide/svelte/icons/pencil-line';
import Share2 from '@lucide/svelte/icons/share-2';
import Scissors from '@lucide/svelte/icons/scissors';
import Trash from '@lucide/svelte/icons/trash-2';
import ClipboardCopy from '@lucide/svelte/icons/clipboard-copy';
import { bytesAt } from '#lib/api/files.ts';
import { downloadZip } from '#lib/files/archive.ts';
import { changes } from '#lib/files/changes.ts';
import { clipboard } from '#lib/files/clipboard.svelte.ts';
import type { FolderScene } from '#lib/files/desk.svelte.ts';
import { downloadFrom } from '#lib/files/download.ts';
import type { Item } from '#lib/files/item.ts';
import { addressOf } from '#lib/files/place.ts';
import { sharedOf } from '#lib/files/shares/thing.ts';
import type { Act } from '#lib/ui/list/columns.ts';

export function actsIn({ desk, folder, rights: { canRead, canWrite, canShare } }: FolderScene): Act<Item>[] {
  const hasBytes = ({ kind }: Item): boolean => canRead && (kind === 'file' || kind === 'folder');
  const only =
    <K extends keyof typeof desk>(field: K) =>
    ([item]: readonly Item[]) => {
      desk[field] = item as never;
    };
  return [
    {
      label: 'Download',
      icon: Download,
      fits: hasBytes,
      act: (items) => download(items, folder),
    },
    { label: 'Rename…', icon: PencilLine, fits: () => canWrite, isForOne: true, act: only('renamed') },
    {
      label: 'Move…',
      icon: FolderInput,
      fits: () => canWrite,
      act: (items) => void (desk.carried = { how: 'move', items }),
    },
    {
      label: 'Copy…',
      icon: Copy,
      fits: () => canRead,
      act: (items) => void (desk.carried = { how: 'copy', items }),
    },
    {
      label: 'Cut',
      icon: Scissors,
      fits: () => canWrite,
      isForOne: true,
      act: (items) => clipboard.hold('move', items),
    },
    {
      label: 'Share…',
      icon: Share2,
      fits: ({ kind }) => canShare && (kind === 'file' || kind === 'folder'),
      isForOne: true,
      act: ([item]) => void (desk.shared = item && sharedOf(item)),
    },
    {
      label: 'Copy to paste',
      icon: ClipboardCopy,
      fits: () => canRead,
      isForOne: true,
      act: (items) => clipboard.hold('copy', items),
    },
    { label: 'Details', icon: Info, fits: () => true, isForOne: true, act: only('shown') },
    { label: 'Delete', icon: Trash, fits: () => canWrite, isDangerous: true, act: changes.trash },
  ];
}

/** A file as it is; a folder, or several, as a zip. */
function download(items: readonly Item[], folder: FolderScene['folder']): unknown {
  const [first] = items;
  if (items.length === 1 && first?.kind === 'file') return downloadFrom(bytesAt(first.place, { isKept: true }));
  const isOneFolder = items.every((item) => addressOf(item.folder) === addressOf(first!.folder));
  if (isOneFolder) return void downloadZip(first!.folder, items, items.length === 1 ? first!.name : folder.title);
  // What a search found in several folders is packed folder by folder.
  for (const [, group] of Map.groupBy(items, (item) => addressOf(item.folder))) {
    void downloadZip(group[0]!.folder, group, folder.title);
  }
}
