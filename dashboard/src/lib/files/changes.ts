/** What people do to files, each with its words and its way back. */
import { filesApi } from '#lib/api/files.ts';
import type { Item } from '#lib/files/item.ts';
import { placeNamed } from '#lib/files/names.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted } from '#lib/words.ts';

/** Shows what these folders hold now. */
export const refreshFolders = (...places: readonly Place[]): Promise<void> =>
  refresh(...places.map((place) => ({ topic: 'files' as const, id: addressOf(place) })));

export const changes = {
  async makeFolder(folder: Place, name: string): Promise<void> {
    const place = placeNamed(folder, name);
    const made = await filesApi.makeFolder(place);
    await refreshFolders(folder);
    const back = async () => {
      await filesApi.trash(place);
      await refreshFolders(folder);
    };
    await attempt(() => Promise.resolve(made), `The folder “${name}” is made.`, {
      offer: () => ({ label: 'Undo', act: () => attempt(back, `Undone: “${name}” is in the trash.`) }),
    });
  },
  async rename({ place, folder, name }: Item, newName: string): Promise<void> {
    const to = placeNamed(folder, newName);
    await filesApi.move(place, to);
    await refreshFolders(folder);
    const back = async () => {
      await filesApi.move(to, place);
      await refreshFolders(folder);
    };
    await attempt(() => Promise.resolve(), `“${name}” is called “${newName}” now.`, {
      offer: () => ({ label: 'Undo', act: () => attempt(back, `Undone: “${name}” has its name again.`) }),
    });
  },
  trash: (items: readonly Item[]): Promise<void> =>
    performOnAll({
      rows: items,
      nameOf: ({ name }) => name,
      run: async ({ place }) => {
        const { trashed } = await filesApi.trash(place);
        return trashed && (() => filesApi.restore(place.area, trashed.id));
      },
      done: (rows) =>
        rows.length === 1
          ? `“${rows[0]!.name}” is in the trash.`
          : `${counted(rows.length, 'entry is', 'entries are')} in the trash.`,
      refresh: () => refreshFolders(...items.map(({ folder }) => folder)),
    }),
};
