/** Tables of text (RFC 4180 and what programs write instead of it), read part by part, however long a cell or a file is. */

/** Longer cells are cut; the rest of one is passed over, so that a quote that never ends costs no memory. */
const mostOfCell = 2000;
/** Further columns are counted, not kept. */
export const mostColumns = 200;

export type Row = { cells: string[]; /** All of them, also those that are not kept. */ columns: number };

/** What parts the cells of a text, by its first lines: the character that stands in each of them equally often. */
export function delimiterOf(name: string, text: string): string {
  if (/\.tsv$/i.test(name)) return '\t';
  const lines = text
    .slice(0, 20_000)
    .replaceAll(/"(?:[^"]|"")*"/g, '')
    .split(/\r\n|\r|\n/, 20)
    .filter((line) => line !== '');
  const counted = [',', ';', '\t', '|'].map((delimiter) => {
    const counts = lines.map((line) => line.split(delimiter).length - 1);
    const first = counts[0] ?? 0;
    return { delimiter, first, equal: first === 0 ? 0 : counts.filter((count) => count === first).length };
  });
  const [best] = counted.sort((a, b) => b.equal - a.equal || b.first - a.first);
  return best && best.equal > 0 ? best.delimiter : ',';
}

export class TableReader {
  readonly #delimiter: string;
  #cell = '';
  #cells: string[] = [];
  #columns = 0;
  /** At the beginning of a cell, in one, inside quotes, behind a quote inside quotes (it ends them or is doubled). */
  #state: 'start' | 'plain' | 'quoted' | 'quote' = 'start';
  #isAfterReturn = false;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  /** The rows that end in this part. A line break inside quotes is part of a cell. */
  read(text: string): Row[] {
    const rows: Row[] = [];
    for (const character of text) {
      const isSecondOfBreak = this.#isAfterReturn && character === '\n';
      this.#isAfterReturn = false;
      if (isSecondOfBreak) continue;
      this.#take(character, rows);
    }
    return rows;
  }

  /** The row that no line break ends. */
  end(): Row[] {
    if (this.#state === 'start' && this.#columns === 0) return [];
    const rows: Row[] = [];
    this.#endRow(rows);
    return rows;
  }

  #take(character: string, rows: Row[]): void {
    if (this.#state === 'quoted') {
      if (character === '"') this.#state = 'quote';
      else this.#add(character);
    } else if (this.#state === 'quote' && character === '"') {
      this.#add('"');
      this.#state = 'quoted';
    } else if (this.#state === 'start' && character === '"') this.#state = 'quoted';
    else if (character === this.#delimiter) this.#endCell();
    else if (character === '\n' || character === '\r') {
      this.#isAfterReturn = character === '\r';
      // An empty line is no row.
      if (this.#state !== 'start' || this.#columns > 0) this.#endRow(rows);
    } else {
      this.#add(character);
      this.#state = 'plain';
    }
  }

  #add(character: string): void {
    if (this.#cell.length < mostOfCell) this.#cell += character;
    else if (!this.#cell.endsWith('…')) this.#cell += '…';
  }

  #endCell(): void {
    if (this.#columns < mostColumns) this.#cells.push(this.#cell);
    this.#columns += 1;
    this.#cell = '';
    this.#state = 'start';
  }

  #endRow(rows: Row[]): void {
    this.#endCell();
    rows.push({ cells: this.#cells, columns: this.#columns });
    this.#cells = [];
    this.#columns = 0;
  }
}
