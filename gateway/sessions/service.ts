import { type AuditEntry, type Clock, every, hashSecret, type Log, type Session } from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import { createSessionCache, type Family } from './cache.ts';
import { readSessionCookie, writeSessionCookie } from './cookie.ts';
import { findRenewed, noteWhyEnded, whyEnded } from './ended.ts';
import { createCodes, type Redemption, type Visit } from './codes.ts';
import { createKeptAddresses, type KeptAddresses } from './kept-addresses.ts';
import { type Lifetime, lifetimeOf } from './lifetime.ts';
import { createListing, type SessionListing } from './listing.ts';
import { type AccountGuard, createStart, type SignIn } from './start.ts';
import {
  countCentral,
  deleteEndedBefore,
  deleteFamily,
  deleteOldCodes,
  deleteExpiredHostSessions,
  findCentral,
  findCentrals,
  findSession,
  listCentral,
  listOver,
  sessionOf,
  writeLastSeen,
} from './records.ts';

/**
 * Opaque cookies, stored hashed; a central session on DOMAIN and host sessions bound to it. The cookie is `__Host-knot`
 * on every host. Ending a central session ends its host sessions; endings are announced as `sessions` (key: central id).
 */
export type Sessions = {
  /**
   * Starts a central session for who was verified; the value goes into the cookie and is never kept. Undefined when the
   * account was disabled, deleted or given another password since: the transaction that writes the session compares.
   */
  start(facts: SignIn): Promise<{ secret: string; session: Session } | undefined>;
  /**
   * Inside a transaction that derives a right from a session (a code, a token, a session of the provider): whether it still
   * lives and its person is active; both are held until the transaction ends.
   */
  hold(transaction: Transaction, session: Pick<Session, 'centralId' | 'userId'>): Promise<boolean>;
  /**
   * The session of a Cookie header on a host ('' = main host), from the cache only: undefined = not cached (call `find`),
   * null = certainly none (no cookie, duplicate cookie, ended, expired).
   */
  peek(cookieHeader: string | undefined, host: string): Session | null | undefined;
  find(cookieHeader: string | undefined, host: string): Promise<Session | null>;
  /**
   * The central session that had the secret in a Cookie header before its person signed in again. Good for ending it, as the browser
   * that shows it asks; never for acting in it.
   */
  findFormer(cookieHeader: string | undefined): Promise<Session | null>;
  /** One-time code (60 s) that lets `host` start its own session, for the browser whose binding hash is given. */
  issueCode(session: Session, handoff: { host: string; binding: string; next: string }): Promise<string>;
  /** Single use; refused when unknown, used, expired, of another host or browser. A replay ends the session the code made. */
  redeemCode(code: string, visit: Visit): Promise<Redemption>;
  /** Addresses too long to travel in another address while somebody signs in. */
  kept: Pick<KeptAddresses, 'keep' | 'find'>;
  /**
   * Why the central session ended whose cookie a browser still shows; undefined when the cookie is none of ours. Only who had the
   * session learns it.
   */
  whyEnded(cookieHeader: string | undefined): Promise<string | undefined>;
  list(userId: string): Promise<SessionListing[]>;
  /** Of everybody: as much as there is, for the command line. */
  listAll(): Promise<(SessionListing & { userId: string })[]>;
  /** Which of these central sessions live; not more than 1,000 at once. */
  living(centralIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Central sessions, for the metrics. */
  count(): Promise<number>;
  /** Ends one central session (public id) and all bound to it. False when there is none. */
  end(id: string, by: { actor: string; reason: string }): Promise<boolean>;
  /** Ends all of a person's sessions, except one if given. Returns how many. */
  endAll(userId: string, by: { actor: string; reason: string; exceptId?: string }): Promise<number>;
  /** The same as a part of a transaction that takes away what the sessions stood on (`onLoss` of accounts). */
  endAllWithin(
    transaction: Transaction,
    userId: string,
    by: { actor: string; reason: string; exceptId?: string | undefined },
  ): Promise<number>;
  /** Hears the central id of every session that ended or was ended, in this or another process, and of those that expire. */
  onEnded(listener: (centralId: string) => void): () => void;
  /** Hears the id of a host session that was ended alone, while its sign-in goes on: the code that made it was shown twice. */
  onHostSessionEnded(listener: (id: string) => void): () => void;
  /** Set-Cookie values. */
  cookie(secret: string): string;
  clearCookie(): string;
  /** Removes what expired; called by a timer and by tests. */
  sweep(): Promise<void>;
  close(): Promise<void>;
};

export type SessionsOptions = {
  store: Store;
  clock: Clock;
  config: { idleSeconds: number; absoluteSeconds: number };
  /** Writes an audit entry in the transaction of the act it tells of; given by `app.ts` from `audit`. */
  record: (transaction: Transaction, entry: AuditEntry) => Promise<void>;
  account: AccountGuard;
  log: Log;
};

type Central = Row<'sessions'>;
type EndedBy = { actor: string; reason: string };

const sweepMs = 30_000;
const keepCodesMs = 3600_000;
const maxMinuteMs = 60_000;

/** Makes the service. Starts two loops: one writes last uses in batches, one removes what is over. */
export function createSessions({ store, clock, config, record, account, log }: SessionsOptions): Sessions {
  const idleMs = config.idleSeconds * 1000;
  const absoluteMs = config.absoluteSeconds * 1000;
  /** How stale the stored last use may be: a minute, less where the idle time itself is short. */
  const touchMs = Math.min(maxMinuteMs, Math.ceil(idleMs / 10));
  const cache = createSessionCache();
  const codes = createCodes({ store, clock, cache, hold, find, record });
  const start = createStart({ store, clock, absoluteMs, cache, find, findFormer, endCentral, record, account });
  const kept = createKeptAddresses({ store, clock });
  const listing = createListing({ store, lifetimeOf: lifetimeOfCentral, pendingLastSeen });
  const loading = new Map<string, Promise<Session | null>>();
  const touched = new Map<string, Family>();
  const listeners = new Set<(centralId: string) => void>();
  const hostListeners = new Set<(id: string) => void>();

  const stopListening = store.onChange('sessions', (key) => {
    const [centralId, hostSessionId, secretHash] = key.split('/') as [string, string?, string?];
    // The sign-in goes on under another secret: nothing ended.
    if (secretHash !== undefined) return cache.burySecret(centralId, secretHash);
    if (hostSessionId === undefined) cache.bury(centralId);
    else cache.burySession(centralId, hostSessionId);
    for (const listener of hostSessionId === undefined ? listeners : hostListeners) {
      try {
        listener(hostSessionId ?? centralId);
      } catch (error) {
        log.error({ err: error }, 'a listener of ended sessions failed');
      }
    }
  });
  const stopForgetting = store.onGap(cache.forgetAll);
  const loops = [
    every(Math.max(1000, touchMs / 6), writeTouched, { log, complaint: 'writing the last use of sessions failed' }),
    every(sweepMs, sweep, { log, complaint: 'removing expired sessions failed', jitter: 0.1 }),
  ];

  function peek(cookieHeader: string | undefined, host: string): Session | null | undefined {
    const secret = readSessionCookie(cookieHeader);
    if (secret === undefined) return null;
    const now = clock.now();
    const cached = cache.get(secret);
    if (!cached) return cache.isMissing(secret, now) ? null : undefined;
    const { session, family } = cached;
    if (session.host !== host) return null;
    switch (lifetimeOf(session, family.lastSeenAt, now, idleMs)) {
      case 'alive':
        touch(family, now);
        return session;
      case 'early':
        return null;
      case 'idle':
        // It may have been used through another replica: the store knows.
        cache.forget(session.centralId);
        return undefined;
      case 'expired':
        cache.forget(session.centralId);
        endInBackground(session.centralId);
        return null;
    }
  }

  function touch(family: Family, now: number): void {
    family.lastSeenAt = now;
    if (Math.abs(now - family.queuedAt) < touchMs) return;
    family.queuedAt = now;
    touched.set(family.centralId, family);
  }

  async function find(cookieHeader: string | undefined, host: string): Promise<Session | null> {
    const known = peek(cookieHeader, host);
    if (known !== undefined) return known;
    const secret = readSessionCookie(cookieHeader)!;
    let read = loading.get(secret);
    if (!read) {
      read = load(secret).finally(() => loading.delete(secret));
      loading.set(secret, read);
    }
    const session = await read;
    return session !== null && session.host === host ? session : null;
  }

  async function findFormer(cookieHeader: string | undefined): Promise<Session | null> {
    const central = await findRenewed(store.db, readSessionCookie(cookieHeader), clock.now());
    return central && lifetimeOfCentral(central) === 'alive' ? sessionOf(central) : null;
  }

  async function load(secret: string): Promise<Session | null> {
    const row = await findSession(store.db, hashSecret(secret));
    const now = clock.now();
    if (!row) {
      cache.noteMissing(secret, now);
      return null;
    }
    const session = sessionOf(row);
    const lastSeenAt = Math.max(row.family_last_seen_at, pendingLastSeen(session.centralId));
    const lifetime = lifetimeOf(session, lastSeenAt, now, idleMs);
    if (lifetime === 'alive') {
      const cached = cache.put(secret, session, lastSeenAt);
      if (cached) touch(cached.family, now);
      return cached?.session ?? null;
    }
    if (lifetime !== 'early') await endOver(session.centralId);
    return null;
  }

  function pendingLastSeen(centralId: string): number {
    return Math.max(cache.family(centralId)?.lastSeenAt ?? 0, touched.get(centralId)?.lastSeenAt ?? 0);
  }

  function endInBackground(centralId: string): void {
    endOver(centralId).catch((error: unknown) => log.error({ err: error }, 'ending an expired session failed'));
  }

  /** Ends a session whose time is over; looks again inside the transaction, because another replica may have seen it used. */
  async function endOver(centralId: string): Promise<void> {
    await store.transaction(async (transaction) => {
      const central = await findCentral(transaction.db, centralId);
      const reason = central && lifetimeOfCentral(central);
      if (!central || (reason !== 'idle' && reason !== 'expired')) return;
      await endCentral(transaction, central, { actor: 'system', reason });
    });
  }

  function lifetimeOfCentral(central: Central): Lifetime {
    const lastSeenAt = Math.max(central.last_seen_at, pendingLastSeen(central.id));
    return lifetimeOf(sessionOf(central), lastSeenAt, clock.now(), idleMs);
  }

  async function endCentral(transaction: Transaction, central: Central, { actor, reason }: EndedBy): Promise<void> {
    await deleteFamily(transaction.db, central.id);
    await noteWhyEnded(transaction.db, central, reason);
    transaction.announce({ topic: 'sessions', key: central.id });
    transaction.announce({ topic: 'sign-ins', key: central.user_id });
    await record(transaction, {
      action: 'session.ended',
      actor,
      subject: `session:${central.id}`,
      outcome: 'done',
      detail: { reason, userId: central.user_id, device: central.device },
    });
  }

  async function writeTouched(): Promise<void> {
    if (touched.size === 0) return;
    const batch = [...touched.values()];
    touched.clear();
    const lastSeenAt = batch.reduce((lowest, family) => Math.min(lowest, family.lastSeenAt), Infinity);
    await writeLastSeen(
      store.db,
      batch.map((family) => family.centralId),
      lastSeenAt,
    );
  }

  async function sweep(): Promise<void> {
    await writeTouched();
    for (const central of await listOver(store.db, clock.now(), idleMs)) await endOver(central.id);
    await deleteExpiredHostSessions(store.db, clock.now());
    await deleteOldCodes(store.db, clock.now() - keepCodesMs);
    await deleteEndedBefore(store.db, clock.now());
    await kept.prune();
  }

  async function hold(
    transaction: Transaction,
    { centralId, userId }: Pick<Session, 'centralId' | 'userId'>,
  ): Promise<boolean> {
    // The account first: what ends all sessions of a person writes that row before it looks for them.
    if (!(await account.holdActive(transaction, userId))) return false;
    const central = await findCentral(transaction.db, centralId);
    return central !== undefined && lifetimeOfCentral(central) === 'alive';
  }

  async function endAllWithin(
    transaction: Transaction,
    userId: string,
    { exceptId, ...by }: EndedBy & { exceptId?: string | undefined },
  ): Promise<number> {
    const centrals = (await listCentral(transaction.db, userId)).filter(({ id }) => id !== exceptId);
    for (const central of centrals) await endCentral(transaction, central, by);
    return centrals.length;
  }

  return {
    start,
    peek,
    find,
    findFormer,
    issueCode: codes.issue,
    redeemCode: codes.redeem,
    kept,
    whyEnded: (cookieHeader) => whyEnded(store.db, readSessionCookie(cookieHeader), clock.now()),
    async list(userId) {
      return (await listing(userId)).map(({ userId: _, ...rest }) => rest);
    },
    listAll: () => listing(),
    async living(centralIds) {
      const centrals = await findCentrals(store.db, centralIds);
      return new Set(centrals.filter((central) => lifetimeOfCentral(central) === 'alive').map(({ id }) => id));
    },
    count: () => countCentral(store.db),
    end: (id, by) =>
      store.transaction(async (transaction) => {
        const central = await findCentral(transaction.db, id);
        if (central) await endCentral(transaction, central, by);
        return central !== undefined;
      }),
    endAll: (userId, by) => store.transaction((transaction) => endAllWithin(transaction, userId, by)),
    endAllWithin,
    hold,
    onEnded(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onHostSessionEnded(listener) {
      hostListeners.add(listener);
      return () => void hostListeners.delete(listener);
    },
    cookie(secret) {
      const expiresAt = cache.get(secret)?.session.expiresAt ?? clock.now() + absoluteMs;
      return writeSessionCookie(secret, (expiresAt - clock.now()) / 1000);
    },
    clearCookie: () => writeSessionCookie('', 0),
    sweep,
    async close() {
      await Promise.all(loops.map((loop) => loop.stop()));
      stopListening();
      stopForgetting();
      await writeTouched();
    },
  };
}
