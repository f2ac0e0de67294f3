import { beginEach, type Clock, type Log } from '../lib/index.ts';
import type { Route } from '../routes/index.ts';
import type { Change, Changed } from './contract.ts';
import type { Place } from './files/places.ts';
import { createNotices, type Hearers, type Notice } from './notices.ts';

/** An open event stream. */
export type Listener = {
  userId: string;
  /** What the person may know now, asked at each telling: an admin may have stopped being one. Undefined for nobody. */
  judge(): Promise<Rights | undefined>;
  tell(changed: Changed): void;
  /** Called when telling failed. */
  close(): void;
};

export type Rights = { isAdmin: boolean; mayOpen(route: Route): boolean; mayList(place: Place): boolean };

export type Listeners = {
  /**
   * Hears what changed in the last half minute, then every change; returns the way to stop. A page reads first and listens then:
   * what changed in between would never be shown.
   */
  add(listener: Listener): () => void;
  note(hearers: Hearers, notice: Notice): void;
  /** To everyone, one after the other over some seconds: for what each answers with much work, all at once. */
  noteInTurns(notice: Notice): void;
  close(): void;
};

const coalesceMs = 200;
/** Between two turns; of many, several at once, so that all are told within about `mostTurnsMs`. */
const turnMs = 20;
const mostTurnsMs = 10_000;
/** Longer than a page takes from its first question to its open stream, also on a slow line. */
const recentMs = 30_000;

/**
 * Tells each change to whom it concerns and asks nobody else: what one change costs follows its audience, not the number of open
 * streams. Who may administer is known from the last telling; whatever could make an admin of somebody is told to that person and
 * so asks anew.
 */
export function createListeners({ clock, log }: { clock: Clock; log: Log }): Listeners {
  const byPerson = new Map<string, Set<Listener>>();
  const admins = new Set<Listener>();
  /** Those that have not been told of the last half minute. */
  let newcomers = new Set<Listener>();
  let pending = createNotices();
  const recent = createNotices();
  let timer: NodeJS.Timeout | undefined;
  let isTelling = false;
  /** Those whose turn is still to come, with what they are told then. */
  const inTurns = new Map<Listener, Notice[]>();
  let turn: NodeJS.Timeout | undefined;
  let perTurn = 1;
  let isClosed = false;

  function schedule(): void {
    if (isClosed || isTelling) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      isTelling = true;
      void tellAll().finally(() => {
        isTelling = false;
        if (newcomers.size > 0 || !pending.hearers()[Symbol.iterator]().next().done) schedule();
      });
    }, coalesceMs);
  }

  function takeTurns(): void {
    if (isClosed || turn !== undefined || inTurns.size === 0) return;
    turn = setTimeout(() => {
      turn = undefined;
      let count = 0;
      for (const [listener, notices] of inTurns) {
        if (++count > perTurn) break;
        inTurns.delete(listener);
        void tellOne(listener, (hearers) => (hearers === 'everyone' ? notices : []));
      }
      takeTurns();
    }, turnMs);
  }

  async function tellAll(): Promise<void> {
    const [fresh, notices] = [newcomers, pending];
    newcomers = new Set();
    pending = createNotices();
    const since = clock.now() - recentMs;
    recent.forget(since);
    void (await beginEach([...concerned(notices.hearers(), fresh)], async (listener) => {
      const [from, oldest] = fresh.has(listener) ? [recent, since] : [notices, -Infinity];
      await tellOne(listener, (hearers) => from.of(hearers, oldest));
    }));
  }

  async function tellOne(listener: Listener, of: (hearers: Hearers) => Notice[]): Promise<void> {
    try {
      const rights = isOpen(listener) ? await listener.judge() : undefined;
      if (rights?.isAdmin === true && isOpen(listener)) admins.add(listener);
      else admins.delete(listener);
      if (rights === undefined) return;
      const changes = changesFor(listener, rights, of);
      if (changes.length > 0) listener.tell({ changes });
    } catch (error) {
      log.error({ err: error }, 'telling a change failed');
      listener.close();
    }
  }

  function concerned(hearers: Iterable<Hearers>, fresh: ReadonlySet<Listener>): Set<Listener> {
    const found = new Set(fresh);
    for (const each of hearers) {
      if (each === 'everyone') return new Set([...byPerson.values()].flatMap((listeners) => [...listeners]));
      for (const listener of each === 'admins' ? admins : (byPerson.get(personIn(each)) ?? [])) found.add(listener);
    }
    return found;
  }

  const isOpen = (listener: Listener): boolean => byPerson.get(listener.userId)?.has(listener) === true;

  return {
    add(listener) {
      const own = byPerson.get(listener.userId) ?? new Set();
      byPerson.set(listener.userId, own.add(listener));
      newcomers.add(listener);
      schedule();
      return () => {
        own.delete(listener);
        if (own.size === 0 && byPerson.get(listener.userId) === own) byPerson.delete(listener.userId);
        newcomers.delete(listener);
        inTurns.delete(listener);
        admins.delete(listener);
      };
    },
    note(hearers, notice) {
      const now = clock.now();
      recent.forget(now - recentMs);
      recent.note(hearers, notice, now);
      if (byPerson.size === 0) return;
      pending.note(hearers, notice, now);
      schedule();
    },
    noteInTurns(notice) {
      const now = clock.now();
      recent.forget(now - recentMs);
      recent.note('everyone', notice, now);
      for (const listener of [...byPerson.values()].flatMap((listeners) => [...listeners])) {
        const notices =
          inTurns.get(listener)?.filter(({ topic, id }) => topic !== notice.topic || id !== notice.id) ?? [];
        // Who was told already is told again, in a turn at the end.
        inTurns.set(listener, [...notices, notice]);
      }
      perTurn = Math.ceil((inTurns.size * turnMs) / mostTurnsMs);
      takeTurns();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(turn);
    },
  };
}

const personIn = (hearers: `person:${string}`): string => hearers.slice('person:'.length);

/** Everything one listener may know, each change once. */
function changesFor({ userId }: Listener, rights: Rights, of: (hearers: Hearers) => Notice[]): Change[] {
  const found = [...of('everyone'), ...(rights.isAdmin ? of('admins') : []), ...of(`person:${userId}`)].filter(
    ({ routes, place }) =>
      (routes === undefined || routes.some(rights.mayOpen)) && (place === undefined || rights.mayList(place)),
  );
  const whole = new Set(found.filter(({ id }) => id === undefined).map(({ topic }) => topic));
  const changes = new Map<string, Change>();
  for (const { topic, id, title } of found) {
    const change = id === undefined || whole.has(topic) ? { topic } : { topic, id };
    const key = `${change.topic} ${change.id ?? ''}`;
    const known = changes.get(key);
    // A new title is all of a change only where nobody else tells more of it.
    const isTitle = title !== undefined && 'id' in change && (known === undefined || known.title !== undefined);
    changes.set(key, isTitle ? { ...change, title } : change);
  }
  return [...changes.values()];
}
