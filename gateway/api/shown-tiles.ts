/**
 * Which tiles the pages of a person show: what was answered to them last. For changes that alter no right, as a new title: who was shown
 * the tile is told, and nobody else has to be judged. (As with folders, decision 0048: known to the gateway that answered.)
 */
export type ShownTiles = {
  note(userId: string, names: readonly string[]): void;
  /** Ids of those whose pages may show a tile. */
  to(name: string): string[];
};

const mostPeople = 10_000;
/** Who is shown more is told of each. */
const mostNames = 200;

export function createShownTiles(): ShownTiles {
  const people = new Map<string, ReadonlySet<string> | 'many'>();
  /** Most people are shown what others are shown. */
  const sets = new Map<string, ReadonlySet<string>>();

  function setOf(names: readonly string[]): ReadonlySet<string> {
    const key = names.join('\n');
    const set = sets.get(key) ?? new Set(names);
    sets.delete(key);
    sets.set(key, set);
    if (sets.size > mostNames) sets.delete(sets.keys().next().value!);
    return set;
  }

  return {
    note(userId, names) {
      people.delete(userId);
      people.set(userId, names.length > mostNames ? 'many' : setOf(names));
      if (people.size > mostPeople) people.delete(people.keys().next().value!);
    },
    to(name) {
      const found: string[] = [];
      for (const [userId, names] of people) if (names === 'many' || names.has(name)) found.push(userId);
      return found;
    },
  };
}
