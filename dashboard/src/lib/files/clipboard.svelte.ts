/** What was cut or copied, to be put into another folder: kept while the page lives, from area to area. */
import type { Item } from '#lib/files/item.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { transfer } from '#lib/files/transfer.ts';
import { say } from '#lib/toasts.svelte.ts';
import { counted } from '#lib/words.ts';

class Clipboard {
  held = $state.raw<{ how: 'move' | 'copy'; items: readonly Item[] }>();

  hold(how: 'move' | 'copy', items: readonly Item[]): void {
    this.held = { how, items };
    const what = counted(items.length, 'entry is', 'entries are');
    say(
      `${what} ${how === 'move' ? 'cut' : 'copied'}. Paste in the folder where ${items.length === 1 ? 'it goes' : 'they go'}.`,
      {
        isPassing: true,
      },
    );
  }

  /** Whether it is on its way elsewhere, and drawn so. */
  isCut({ place }: Item): boolean {
    return this.held?.how === 'move' && this.held.items.some((item) => addressOf(item.place) === addressOf(place));
  }

  async paste(to: { place: Place; title: string }): Promise<void> {
    const { held } = this;
    if (!held) return;
    // What was moved is not where it was any more; a copy can be made again.
    if (held.how === 'move') this.held = undefined;
    await transfer({ ...held, to });
  }
}

export const clipboard = new Clipboard();
