import type { Kysely } from 'kysely';
import type { Clock, Log } from '../lib/index.ts';
import type { Tables } from './tables.ts';

/** A fact that caches elsewhere must forget: `users` + user id, `sessions` + central session id, `sign-ins` + id of the
 * person whose sessions began or ended, `clients` + client id, `guest-visits` + id of a visit that ended, … */
export type Change = { topic: ChangeTopic; key: string };
export type ChangeTopic =
  | 'users'
  | 'teams'
  | 'sessions'
  | 'sign-ins'
  | 'clients'
  | 'keys'
  | 'routes'
  | 'links'
  | 'audit'
  | 'tokens'
  | 'plans'
  | 'shares'
  | 'guest-visits'
  | 'files'
  | 'services'
  | 'places'
  | 'place-wishes';

export type ChangeFeed = {
  /** Writes the changes inside the caller's transaction; local listeners hear them after the commit. */
  append(transaction: Kysely<Tables>, changes: readonly Change[]): Promise<void>;
  /** Tells local listeners at once; called by the store after a commit. */
  deliver(changes: readonly Change[]): void;
  listen(topic: ChangeTopic, listener: (key: string) => void): () => void;
  /** Changes of this process may have been committed without an answer: for a while they are read back like those of others. */
  doubt(): void;
  /** Hears that others have not been heard for so long (`silenceMs`) that what is cached may be wrong; again until they are. */
  onSilence(listener: () => void): () => void;
  /** Hears that changes were removed before this process had read them: whatever is cached is to be read anew. */
  onGap(listener: () => void): () => void;
  start(): Promise<void>;
  stop(): void;
};

const pollMs = 400;
/** Sequence numbers are given out before commit on PostgreSQL, so late commits with lower numbers are looked for this long. */
const lookBackMs = 30_000;
/** Changes that may be written but not committed yet, by all processes together, when this one starts. */
const mostInFlight = 1_000;
/**
 * How long caches are believed while the database cannot be read: a restart is bridged, and whoever lost a right on another
 * replica is not let in here for as long as a network is cut (decisions/0033).
 */
const silenceMs = 60_000;
const tellAgainMs = 60_000;
/** For a process that reads late: changes are kept for an hour, as each process measures it, and at most so many of them. */
const keepMs = 3600_000;
const mostKept = 100_000;
const prunedAtOnce = 2_000;
const perStatement = 500;

/**
 * The change feed: one table that every process on the store appends to and polls (400 ms), so that what the command line
 * or another replica changes is in force within a second. Own changes are delivered at commit, without waiting.
 */
export function createChangeFeed(options: { db: Kysely<Tables>; clock: Clock; log: Log; origin: string }): ChangeFeed {
  const { db, clock, log, origin } = options;
  const listeners = new Map<ChangeTopic, Set<(key: string) => void>>();
  /** Those above `lowest` that were delivered. */
  const seen = new Set<number>();
  /** The highest numbers there were, each with the time of this process at which it was asked for; oldest first. */
  const marks: { id: number; at: number }[] = [];
  const outage = createOutageLog(log);
  const silenceListeners = new Set<() => void>();
  const gapListeners = new Set<() => void>();
  /** As `marks`, few and kept longer: what was there an hour ago need not be kept. */
  const horizon: { id: number; at: number }[] = [];
  let lowest = 0;
  let heardAt = clock.now();
  /** Until when own changes are read back: nothing is in flight for longer than `lookBackMs`, counted from when they can be read again. */
  let doubtedUntil = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function deliver(changes: readonly Change[]): void {
    for (const { topic, key } of changes) {
      for (const listener of listeners.get(topic) ?? []) {
        guard(() => listener(key), topic);
      }
    }
  }

  /** Own changes were delivered at their commit; reading them back would cost most when there are most. */
  async function poll(): Promise<void> {
    const settled = newestSettledMark();
    const startedAt = clock.now();
    const isInDoubt = startedAt < doubtedUntil;
    const isMarkDue = isDue(marks, startedAt, lookBackMs / 4);
    const first = isMarkDue ? await oldest() : undefined;
    const hasGap = first !== undefined && first > lowest + 1;
    // As at the start: what is there already is read anew by those who cache it.
    if (hasGap) lowest = await belowInFlight();
    const all = db.selectFrom('changes').selectAll().where('id', '>', lowest).orderBy('id');
    const rows = await (isInDoubt ? all : all.where('origin', '!=', origin)).execute();
    heardAt = startedAt;
    if (!isInDoubt) doubtedUntil = -Infinity;
    const fresh = rows.filter((row) => !seen.has(row.id));
    for (const row of fresh) seen.add(row.id);
    deliver(fresh as Change[]);
    if (hasGap) tellGap();
    if (settled !== undefined) advance(settled);
    if (isMarkDue) await prune(await mark(clock.now()));
  }

  function tellGap(): void {
    log.warn({}, 'changes were removed before they were read here; what is cached is read anew');
    for (const listener of gapListeners) guard(listener, 'gap');
  }

  /**
   * The highest number below which nothing can come any more: it was there `lookBackMs` ago, so whatever got a lower one has been
   * committed or given up since (the store ends transactions that take so long). Measured by this process alone, because the
   * clocks of replicas differ. Asked for before the rows are read: what is committed after the reading may still lie below it.
   */
  function newestSettledMark(): number | undefined {
    const now = clock.now();
    // A clock that was set back would keep a mark for ever.
    return marks.findLast(({ at }) => now - at >= lookBackMs || at > now + lookBackMs)?.id;
  }

  function advance(settled: number): void {
    lowest = Math.max(lowest, settled);
    marks.splice(0, marks.findLastIndex(({ id }) => id <= settled) + 1);
    for (const id of seen) if (id <= lowest) seen.delete(id);
  }

  /** Returns the highest number there is. */
  async function mark(now: number): Promise<number> {
    const id = (await newest()) ?? lowest;
    marks.push({ id, at: now });
    if (isDue(horizon, now, keepMs / 6)) horizon.push({ id, at: now });
    return id;
  }

  /**
   * Removes what nobody needs any more, a part at a time: what this process saw an hour ago, and whatever is too much. By numbers and
   * by its own measure of time, because the clocks of replicas differ. What may still be in flight, or is read by who just started,
   * stays.
   */
  async function prune(newestId: number): Promise<void> {
    const now = clock.now();
    const old = horizon.findLastIndex(({ at }) => now - at >= keepMs || at > now + keepMs);
    const seenLongAgo = horizon[old]?.id ?? 0;
    if (old > 0) horizon.splice(0, old);
    const last = Math.min(Math.max(seenLongAgo, newestId - mostKept), newestId - 2 * mostInFlight, lowest);
    const first = await oldest();
    if (first === undefined || first > last) return;
    const removal = db.deleteFrom('changes').where('id', '<=', Math.min(last, first + prunedAtOnce));
    // Another replica may do the same at the same moment, and a database that only reads says so elsewhere.
    await removal.execute().catch((error: unknown) => log.debug({ err: error }, 'old changes were not removed'));
  }

  /** What is being committed at this moment may have a lower number than what is there already. */
  async function belowInFlight(): Promise<number> {
    return Math.max(0, ((await newest()) ?? 0) - mostInFlight, ((await oldest()) ?? 1) - 1);
  }

  async function newest(): Promise<number | undefined> {
    return (await db.selectFrom('changes').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst())?.id;
  }

  async function oldest(): Promise<number | undefined> {
    return (await db.selectFrom('changes').select('id').orderBy('id').limit(1).executeTakeFirst())?.id;
  }

  function schedule(): void {
    if (isStopped) return;
    timer = setTimeout(() => {
      poll().then(outage.isOver, missed).finally(schedule);
    }, pollMs);
    timer.unref();
  }

  function missed(error: unknown): void {
    outage.goesOn(error);
    const now = clock.now();
    // Nothing that is in flight ends before the database is back.
    if (doubtedUntil !== -Infinity) doubtedUntil = Math.max(doubtedUntil, now + lookBackMs);
    if (now - heardAt <= silenceMs) return;
    for (const listener of silenceListeners) guard(listener, 'silence');
  }

  function guard(listen: () => void, topic: string): void {
    try {
      listen();
    } catch (error) {
      log.error({ err: error, topic }, 'a listener of the change feed failed');
    }
  }

  return {
    async append(transaction, changes) {
      const at = clock.now();
      for (let from = 0; from < changes.length; from += perStatement) {
        const rows = changes.slice(from, from + perStatement).map(({ topic, key }) => ({ topic, key, at, origin }));
        await transaction.insertInto('changes').values(rows).execute();
      }
    },
    deliver,
    doubt: () => void (doubtedUntil = clock.now() + lookBackMs),
    onSilence(listener) {
      silenceListeners.add(listener);
      return () => void silenceListeners.delete(listener);
    },
    onGap(listener) {
      gapListeners.add(listener);
      return () => void gapListeners.delete(listener);
    },
    listen(topic, listener) {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set);
      set.add(listener);
      return () => void set.delete(listener);
    },
    async start() {
      lowest = await belowInFlight();
      const known = await db.selectFrom('changes').select('id').where('id', '>', lowest).execute();
      for (const { id } of known) seen.add(id);
      schedule();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** Whether the last mark is so old; a clock that was set back makes one due as well. */
function isDue(marks: readonly { at: number }[], now: number, ms: number): boolean {
  const latest = marks.at(-1);
  return latest === undefined || Math.abs(now - latest.at) >= ms;
}

/** One line when the database goes and one when it is back, and one a minute between them instead of two a second. */
function createOutageLog(log: Log): { isOver(): void; goesOn(error: unknown): void } {
  let since: number | undefined;
  let toldAt = -Infinity;
  return {
    isOver() {
      if (since === undefined) return;
      log.warn({ seconds: Math.round((performance.now() - since) / 1000) }, 'the database answers again');
      since = undefined;
      toldAt = -Infinity;
    },
    goesOn(error) {
      const now = performance.now();
      since ??= now;
      if (now - toldAt < tellAgainMs) return;
      toldAt = now;
      log.error({ err: error }, 'the database does not answer: what needs it is refused with 503 until it does');
    },
  };
}
