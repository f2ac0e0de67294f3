/** What changed, told to what is shown: loads run again, parts of the frame read their own piece anew. */
import { invalidate } from '$app/navigation';
import type { Change, Topic } from '#lib/contract.ts';

const scheme = 'knot:';

/**
 * What a `load` names in `depends` to run again when something of this topic changes, or only when the one named by `id` does.
 */
export function changeKey(topic: Topic, id?: string): `knot:${string}` {
  return `${scheme}${topic}${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;
}

/** Whether what depends on a key shows something that a change is about. A change without an id may be about each one. */
export function concerns({ topic, id }: Change, key: string): boolean {
  const whole = changeKey(topic);
  return key === whole || (id === undefined ? key.startsWith(`${whole}/`) : key === changeKey(topic, id));
}

type Hearer = { topics: readonly Topic[]; act: (changes: readonly Change[]) => unknown };

const hearers = new Set<Hearer>();

/** Calls `act` at each change of these topics until the returned function is called. */
export function hear(topics: readonly Topic[], act: Hearer['act']): () => void {
  const hearer = { topics, act };
  hearers.add(hearer);
  return () => void hearers.delete(hearer);
}

/** A change of everything that is heard of, for when nobody can say what changed. */
export function anythingHeard(): Change[] {
  const topics = new Set([...hearers].flatMap(({ topics }) => topics));
  return [...topics].map((topic) => ({ topic }));
}

/** Of what is being taken away here. */
const parting = new Set<string>();

/**
 * Takes something away. Until `act` is over, which leaves its page, that page asks for it no more: there may be nothing to show any more,
 * and who took it away knows. Then what shows it is fetched anew, also when it stays.
 */
export async function partWith(change: Change & { id: string }, act: () => Promise<unknown>): Promise<void> {
  const key = changeKey(change.topic, change.id);
  parting.add(key);
  try {
    await act();
  } finally {
    parting.delete(key);
    void refresh(change);
  }
}

/** Fetches anew what shows these; resolves when the page is up to date. For what the person did here. */
export async function refresh(...changes: readonly Change[]): Promise<void> {
  for (const { topics, act } of hearers) if (changes.some(({ topic }) => topics.includes(topic))) act(changes);
  await invalidate(({ href }) => !parting.has(href) && changes.some((change) => concerns(change, href)));
}

/** However much happens, what is shown is fetched anew no more often. */
const gapMilliseconds = 1000;
let gathered: Change[] = [];
let isResting = false;

/** The same for what others did: the first at once, what follows together after a pause. */
export function refreshSoon(changes: readonly Change[]): void {
  gathered.push(...changes);
  if (isResting || gathered.length === 0) return;
  isResting = true;
  const all = gathered;
  gathered = [];
  void refresh(...all);
  setTimeout(() => {
    isResting = false;
    refreshSoon([]);
  }, gapMilliseconds);
}
