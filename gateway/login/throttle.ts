import type { Config } from '../config/index.ts';
import { type Clock, hashSecret, networkOf } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { createKnownPlaces, devicePlace, type Origin } from './places.ts';
import { deleteAttempts, deleteOldAttempts, findAttempts, lockAttempts, writeAttempts } from './records.ts';

export type ThrottleVerdict = { isAllowed: true } | { isAllowed: false; retryAfterSeconds: number };

export type Attempt = Origin & {
  /** What was typed as username or e-mail address, known or not; absent where no account is meant (sign-up, links). */
  name?: string;
  /** Central session in which somebody who is signed in gives the password again. */
  sessionId?: string;
};

/**
 * Counts attempts to sign in, in the store: a restart or another replica forgets nothing. An attempt is counted before the
 * password is looked at, so that a hundred at once are no more than a hundred in a row (decision 0019).
 */
export type Throttle = {
  /** Counts an attempt; refused ones are not counted and must not be tried. */
  take(attempt: Attempt): Promise<ThrottleVerdict>;
  /** The password was right: who tried starts anew, what is shared with others gets this one attempt back. */
  succeed(attempt: Attempt): Promise<void>;
  /** The same, to be done as a part of the transaction that begins the session. */
  succeeding(attempt: Attempt): Promise<(transaction: Transaction) => Promise<void>>;
  /** The attempt could not be made (overload), or there was nothing to guess: as if it had never been. */
  refund(attempt: Attempt): Promise<void>;
  /** Whether a mailbox may be sent one more message that a stranger asked for. */
  takeMail(email: string): Promise<boolean>;
  /** From now on this browser and this network are known to the account; in the transaction that begins a session. */
  remember(transaction: Transaction, userId: string, origin: Origin): Promise<void>;
  /** The password is a new one: guesses at the old one do not count any more, and this browser and network are known. */
  welcome(user: { id: string; username: string }, origin: Origin): Promise<void>;
  /** The secret of the device cookie to set after a sign-in. */
  deviceFor(presented: string | undefined): Promise<string>;
};

export type ThrottleOptions = {
  store: Store;
  clock: Clock;
  config: Pick<Config['login'], 'attemptsPerAccount' | 'attemptsPerAddress' | 'attemptsByStrangers' | 'windowSeconds'>;
  /** Whose account a typed username or e-mail address means (`findSignIn` of accounts). */
  accountOf(name: string): Promise<{ id: string; username: string } | undefined>;
};

/** A counter and how far it may go; `isOwn`: it counts one browser or network at one account, nothing else. */
type Counter = { key: string; limit: number; isOwn: boolean };

const cleanUpMs = 60_000;
/** Within a window. */
const mailsPerAddress = 3;

/** Makes the throttle. The limits are those of the configuration section `login`. */
export function createThrottle({ store, clock, config, accountOf }: ThrottleOptions): Throttle {
  const windowMs = config.windowSeconds * 1000;
  const places = createKnownPlaces(store);
  let cleanedAt = -Infinity;

  /**
   * Who is known is counted apart from strangers, so that strangers cannot lock anybody out of what they use (OWASP, "Slow Down
   * Online Guessing Attacks with Device Cookies"; NIST SP 800-63B section 3.2.2 names both known browsers and known networks).
   */
  async function countersOf(attempt: Attempt): Promise<Counter[]> {
    const { name, address, sessionId } = attempt;
    const byAddress = { key: `address:${networkOf(address)}`, limit: config.attemptsPerAddress, isOwn: false };
    if (name === undefined) return [byAddress];
    const account = await accountOf(name);
    const { isDevice, isNetwork } = await places.knows(account?.id, attempt);
    const accounts = accountKeys(name, account?.username);
    const own = (place: string): Counter[] =>
      accounts.map((key) => ({ key: `${key}|${place}`, limit: config.attemptsPerAccount, isOwn: true }));
    if (sessionId !== undefined) return own(`session:${sessionId}`);
    if (isDevice) return own(devicePlace(attempt.device!));
    const byPlace = [...own(byAddress.key), byAddress];
    if (isNetwork) return byPlace;
    return [...byPlace, ...accounts.map((key) => ({ key, limit: config.attemptsByStrangers, isOwn: false }))];
  }

  /** A window that lies in the future was written before the clock was set back: it counts as over. */
  function isOver(startedAt: number, now: number): boolean {
    return now - startedAt >= windowMs || startedAt > now + windowMs;
  }

  async function giveBack({ db }: Transaction, counters: readonly Counter[]): Promise<void> {
    for (const { key, limit } of counters) {
      const row = await findAttempts(db, key);
      if (!row) continue;
      const failures = Math.max(0, row.failures - 1);
      await writeAttempts(db, { ...row, failures, blocked_until: failures < limit ? 0 : row.blocked_until });
    }
  }

  async function succeeding(attempt: Attempt): Promise<(transaction: Transaction) => Promise<void>> {
    const counters = await countersOf(attempt);
    return async (transaction) => {
      await giveBack(
        transaction,
        counters.filter(({ isOwn }) => !isOwn),
      );
      for (const { key, isOwn } of counters) if (isOwn) await deleteAttempts(transaction.db, key);
    };
  }

  async function count(unsorted: readonly Counter[]): Promise<ThrottleVerdict> {
    // In one order, so that two at once wait for one another instead of for each other.
    const counters = unsorted.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const now = clock.now();
    return store.transaction<ThrottleVerdict>(async ({ db }) => {
      if (Math.abs(now - cleanedAt) > cleanUpMs) {
        cleanedAt = now;
        await deleteOldAttempts(db, now - windowMs, now);
      }
      const rows = [];
      for (const { key, limit } of counters) rows.push({ key, limit, row: await lockAttempts(db, key, now) });
      const blockedUntil = Math.max(
        0,
        ...rows.map(({ row }) => (row.blocked_until <= now + windowMs ? row.blocked_until : 0)),
      );
      if (blockedUntil > now) return { isAllowed: false, retryAfterSeconds: Math.ceil((blockedUntil - now) / 1000) };
      for (const { key, limit, row } of rows) {
        const isFresh = row.blocked_until > 0 || isOver(row.window_started_at, now);
        const failures = isFresh ? 1 : row.failures + 1;
        const startedAt = isFresh ? now : row.window_started_at;
        const blocked = failures >= limit ? now + windowMs : 0;
        await writeAttempts(db, { key, failures, window_started_at: startedAt, blocked_until: blocked });
      }
      return { isAllowed: true };
    });
  }

  return {
    take: async (attempt) => count(await countersOf(attempt)),
    async takeMail(email) {
      const key = `mail:${hashSecret(email.toLowerCase())}`;
      return (await count([{ key, limit: mailsPerAddress, isOwn: false }])).isAllowed;
    },
    async succeed(attempt) {
      await store.transaction(await succeeding(attempt));
    },
    succeeding,
    async refund(attempt) {
      const counters = await countersOf(attempt);
      await store.transaction((transaction) => giveBack(transaction, counters));
    },
    remember: (transaction, userId, origin) => places.remember(transaction, userId, origin, clock.now()),
    async welcome({ id, username }, origin) {
      const counters = await countersOf({ ...origin, name: username });
      await store.transaction(async (transaction) => {
        for (const { key } of counters) if (!key.startsWith('address:')) await deleteAttempts(transaction.db, key);
        await places.remember(transaction, id, origin, clock.now());
      });
    },
    deviceFor: places.deviceFor,
  };
}

/**
 * The counters of an account, by what was typed. An e-mail address counts towards the account it belongs to, and, known or not,
 * towards the name before the `@`: so neither the address alone nor the two usual spellings together tell whether there is an
 * account. Hashed, because what is typed may be a password.
 */
function accountKeys(name: string, username: string | undefined): string[] {
  const local = name.includes('@') ? name.slice(0, name.indexOf('@')) : name;
  return [...new Set([local, username ?? local])].map((text) => `account:${hashSecret(text)}`);
}
