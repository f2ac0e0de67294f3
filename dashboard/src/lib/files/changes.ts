/** What people do to files where they are, each with its words and its way back. */
import { filesApi } from '#lib/api/files.ts';
import { undoOf } from '#lib/api/undo.ts';
import type { FileActResult, FileTrashItem } from '#lib/contract.ts';
import type { Item } from '#lib/files/item.ts';
import { placeNamed } from '#lib/files/names.ts';
import type { Place } from '#lib/files/place.ts';
import { readable } from '#lib/files/readable.ts';
import { refresh } from '#lib/live/changes.ts';
import { say } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { takeBack } from '#lib/undo.ts';
import { counted } from '#lib/words.ts';

/** Whatever shows files shows what there is now. */
const refreshFiles = (): Promise<void> => refresh({ topic: 'files' });

const entries = (rows: readonly { name: string }[], one: string, many: string): string =>
  rows.length === 1 ? `“${readable(rows[0]!.name)}” ${one}.` : `${counted(rows.length, 'entry', 'entries')} ${many}.`;

/** Says what was done, with its way back. */
function told(answer: FileActResult, text: string): void {
  const undo = undoOf(answer);
  const about = `files:${crypto.randomUUID()}`;
  const offer = undo && { label: 'Undo', act: () => takeBack([undo], { text, about }) };
  say(text, { offer, undo: undo && [undo], about });
}

export const changes = {
  /** @throws what refused it, for the field of the dialog */
  async makeFolder(folder: Place, name: string): Promise<void> {
    const made = await filesApi.makeFolder(placeNamed(folder, name));
    await refreshFiles();
    told(made, `The folder “${readable(name)}” is made.`);
  },
  /** @throws what refused it, for the field of the dialog */
  async rename({ place, folder, name, etag }: Item, newName: string): Promise<void> {
    const renamed = await filesApi.move(place, placeNamed(folder, newName), etag ? { etag } : {});
    await refreshFiles();
    told(renamed, `“${readable(name)}” is called “${readable(newName)}” now.`);
  },
  trash: (items: readonly Item[]): Promise<void> =>
    performOnAll({
      rows: items,
      nameOf: ({ name }) => readable(name),
      run: ({ place }) => filesApi.trash(place),
      done: (rows) => entries(rows, 'is in the trash', 'are in the trash'),
      refresh: refreshFiles,
    }),
  restore: (area: string, items: readonly FileTrashItem[]): Promise<void> => {
    const beside: string[] = [];
    return performOnAll({
      rows: items.map((item) => ({ ...item, name: item.path.split('/').at(-1)! })),
      nameOf: ({ path }) => readable(path),
      run: async ({ id, path }) => {
        const restored = await filesApi.restore(area, id);
        if (restored.path !== path) beside.push(`“${readable(restored.path!)}”`);
        return restored;
      },
      done: (rows) =>
        `${entries(rows, 'is back where it was', 'are back where they were')}${
          beside.length > 0
            ? ` Beside what is there now: ${beside.slice(0, 3).join(', ')}${beside.length > 3 ? ', …' : ''}.`
            : ''
        }`,
      refresh: refreshFiles,
    });
  },
  /** @throws what refused it, for the dialog */
  async removeForGood(
    area: string,
    ids: readonly string[] | undefined,
    freedWords: (bytes: number) => string,
  ): Promise<void> {
    const { freed = 0 } = await filesApi.emptyTrash(area, ids);
    await refreshFiles();
    say(freedWords(freed));
  },
};
