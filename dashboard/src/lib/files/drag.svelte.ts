/** Entries on their way by mouse: onto a folder, or onto one of the folders above in the trail. Others have their own type and pass by. */
import type { Item } from '#lib/files/item.ts';
import { addressOf, type Place } from '#lib/files/place.ts';
import { transfer } from '#lib/files/transfer.ts';

const type = 'application/x-knot-entries';

class Drag {
  items = $state.raw<readonly Item[]>([]);
  /** The folder they are held over. */
  over = $state.raw<string>();

  /** For what can be dragged. */
  begin(event: DragEvent, items: readonly Item[]): void {
    this.items = items;
    event.dataTransfer?.setData(type, String(items.length));
    if (event.dataTransfer) event.dataTransfer.effectAllowed = 'copyMove';
  }

  end(): void {
    this.items = [];
    this.over = undefined;
  }

  /** Attributes of something that stands for a folder. */
  target(to: { place: Place; title: string }) {
    const key = addressOf(to.place);
    const isOurs = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes(type) === true && this.fits(to.place);
    return {
      ondragover: (event: DragEvent): void => {
        if (!isOurs(event)) return;
        event.preventDefault();
        event.stopPropagation();
        event.dataTransfer!.dropEffect = howOf(event) === 'copy' ? 'copy' : 'move';
        this.over = key;
      },
      ondragleave: (): void => {
        if (this.over === key) this.over = undefined;
      },
      ondrop: (event: DragEvent): void => {
        if (!isOurs(event)) return;
        event.preventDefault();
        event.stopPropagation();
        const { items } = this;
        this.end();
        void transfer({ how: howOf(event), items, to });
      },
    };
  }

  /** Not into where they are, nor into themselves. */
  fits(place: Place): boolean {
    const key = addressOf(place);
    return (
      this.items.length > 0 &&
      this.items.every((item) => addressOf(item.folder) !== key && addressOf(item.place) !== key) &&
      !this.items.some((item) => key.startsWith(`${addressOf(item.place)}/`))
    );
  }
}

/** With Ctrl (on a Mac with Alt) a copy is made, as file managers do. */
const howOf = ({ ctrlKey, altKey }: DragEvent): 'move' | 'copy' => (ctrlKey || altKey ? 'copy' : 'move');

export const drag = new Drag();
