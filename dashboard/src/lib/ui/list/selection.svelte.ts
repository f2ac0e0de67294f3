import { SvelteSet } from 'svelte/reactivity';

/** Which rows of the page that is shown are chosen. What is not shown any more is not chosen any more. */
export class Selection<T> {
  readonly #chosen = new SvelteSet<string>();
  #last: number | undefined;
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

  clear(): void {
    this.#chosen.clear();
    this.#last = undefined;
  }
}
