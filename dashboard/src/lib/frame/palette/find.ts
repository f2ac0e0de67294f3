/** What the palette offers and in which order. */

export type Entry = {
  /** Unique among all entries. */
  id: string;
  group: string;
  title: string;
  /** Shown softly behind the title. */
  hint?: string;
  /** Other words a person may look for. */
  words?: string;
  /** Where it leads; an act of the frame has none. */
  href?: string;
};

/** Entries that fit every typed word, those whose title starts with it first; all of them when nothing is typed. */
export function find<E extends Entry>(entries: readonly E[], typed: string): E[] {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const rated = entries.map((entry) => ({ entry, rate: Math.min(...wanted.map((word) => rateOf(entry, word)), 3) }));
  return rated
    .filter(({ rate }) => rate > 0)
    .sort((a, b) => b.rate - a.rate)
    .map(({ entry }) => entry);
}

/** 3: the title starts with it, 2: a word of the title does, 1: it stands anywhere, 0: nowhere. */
function rateOf({ title, hint = '', words = '' }: Entry, word: string): number {
  const name = title.toLowerCase();
  if (name.startsWith(word)) return 3;
  if (name.includes(` ${word}`)) return 2;
  return `${name} ${hint} ${words}`.toLowerCase().includes(word) ? 1 : 0;
}
