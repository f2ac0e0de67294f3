/**
 * What can be done to entries of a folder: the menu of a row and the bar above the list are drawn from this one list. What asks
 * first sets a field of the desk, and its dialog opens.
 */
import Download from '@lucide/svelte/icons/download';
import PencilLine from '@lucide/svelte/icons/pencil-line';
import Share2 from '@lucide/svelte/icons/share-2';
import Trash from '@lucide/svelte/icons/trash-2';
import { bytesAt } from '#lib/api/files.ts';
import { changes } from '#lib/files/changes.ts';
import type { FolderScene } from '#lib/files/desk.svelte.ts';
import type { Item } from '#lib/files/item.ts';
import { downloadFrom } from '#lib/files/download.ts';
import { sharedOf } from '#lib/files/shares/thing.ts';
import type { Act } from '#lib/ui/list/columns.ts';

const isFile = ({ kind }: Item): boolean => kind === 'file';

export function actsIn({ desk, rights: { canRead, canWrite, canShare } }: FolderScene): Act<Item>[] {
  return [
    {
      label: 'Download',
      icon: Download,
      fits: (item) => canRead && isFile(item),
      isForOne: true,
      act: ([item]) => downloadFrom(bytesAt(item!.place, { isKept: true })),
    },
    {
      label: 'Rename…',
      icon: PencilLine,
      fits: () => canWrite,
      isForOne: true,
      act: ([item]) => void (desk.renamed = item),
    },
    {
      label: 'Share…',
      icon: Share2,
      fits: ({ kind }) => canShare && (kind === 'file' || kind === 'folder'),
      isForOne: true,
      act: ([item]) => void (desk.shared = item && sharedOf(item)),
    },
    { label: 'Delete', icon: Trash, fits: () => canWrite, isDangerous: true, act: changes.trash },
  ];
}
