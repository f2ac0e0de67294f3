import { SvelteSet } from 'svelte/reactivity';

/** Which rows of the page that is shown are chosen. What is not shown any more is not chosen any more. */
export class Selection<T> {
  readonly #chosen = new SvelteSet<string>();
  #last: number | undefined;
  #anchor: number | undefined;
  readonly #rows: () => readonly T[];
  readonly #keyOf: (row: T) => string;

  constructor(rows: () => readonly T[], keyOf: (row: T) => string) {
    this.#rows = rows;
    this.#keyOf = keyOf;
  }

  readonly rows: readonly T[] = $derived.by(() => this.#rows().filter((row) => this.#chosen.has(this.#keyOf(row))));

  get isAll(): boolean {
    return this.rows.length > 0 && this.rows.length === this.#rows().length;
  }

  has(row: T): boolean {
    return this.#chosen.has(this.#keyOf(row));
  }

  /** Changes one row; `isRange`: and all between it and the one before, to what this one becomes. */
  toggle(index: number, isRange = false): void {
    const rows = this.#rows();
    const row = rows[index];
    if (!row) return;
    const isChosen = !this.has(row);
    const [from, to] =
      isRange && this.#last !== undefined ? [this.#last, index].toSorted((a, b) => a - b) : [index, index];
    for (const key of rows.slice(from, to! + 1).map(this.#keyOf)) {
      if (isChosen) this.#chosen.add(key);
      else this.#chosen.delete(key);
    }
    this.#last = index;
  }

  all(): void {
    const isAll = this.isAll;
    this.clear();
    if (!isAll) for (const row of this.#rows()) this.#chosen.add(this.#keyOf(row));
  }

  /** Forgets what is not shown: it would be chosen again when it comes back. */
  keepShown(): void {
    const shown = this.#rows().map(this.#keyOf);
    for (const key of [...this.#chosen]) if (!shown.includes(key)) this.#chosen.delete(key);
  }

  choose(rows: readonly T[]): void {
    this.clear();
    for (const row of rows) this.#chosen.add(this.#keyOf(row));
  }

  /** All from where the keyboard went off to here, as with Shift and an arrow. */
  extend(from: number, to: number): void {
    this.#anchor = this.#anchor ?? from;
    this.choose(this.#rows().slice(Math.min(this.#anchor, to), Math.max(this.#anchor, to) + 1));
    this.#last = to;
  }

  /** The keyboard goes on without choosing. */
  leave(): void {
    this.#anchor = undefined;
  }

  clear(): void {
    this.#chosen.clear();
    this.#last = undefined;
  }
}
