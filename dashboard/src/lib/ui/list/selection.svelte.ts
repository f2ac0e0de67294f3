/** Which rows of the page that is shown are chosen. What is not shown any more is not chosen any more. */
export class Selection<T> {
  #chosen = $state.raw<ReadonlySet<string>>(new Set());
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
    const keys = rows.slice(from, to! + 1).map(this.#keyOf);
    const chosen = new Set(this.#chosen);
    for (const key of keys) {
      if (isChosen) chosen.add(key);
      else chosen.delete(key);
    }
    this.#chosen = chosen;
    this.#last = index;
  }

  all(): void {
    this.#chosen = this.isAll ? new Set() : new Set(this.#rows().map(this.#keyOf));
  }

  clear(): void {
    this.#chosen = new Set();
    this.#last = undefined;
  }
}
