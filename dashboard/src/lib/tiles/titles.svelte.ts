/** Titles of tiles that changed while they were shown: they came with the message, and nothing has to be fetched for them. */
import { SvelteMap } from 'svelte/reactivity';
import type { Change, Tile } from '#lib/contract.ts';

const titles = new SvelteMap<string, string>();

/** Takes new titles out of what changed; the rest is to be fetched anew, and with it whatever title a tile has then. */
export function takeTitles(changes: readonly Change[]): Change[] {
  return changes.filter(({ topic, id, title }) => {
    if (topic !== 'tiles') return true;
    if (id !== undefined && title !== undefined) {
      titles.set(id, title);
      return false;
    }
    if (id === undefined) titles.clear();
    else titles.delete(id);
    return true;
  });
}

/** For when changes were missed: everything is read anew. */
export const forgetTitles = (): void => titles.clear();

export const titled = (tiles: readonly Tile[]): readonly Tile[] =>
  titles.size === 0 ? tiles : tiles.map((tile) => ({ ...tile, title: titles.get(tile.name) ?? tile.title }));
