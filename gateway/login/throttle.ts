import { isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../config/index.ts';
import type { Clock } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { deleteAttempts, deleteOldAttempts, findAttempts, lockAttempts, writeAttempts } from './records.ts';

export type ThrottleVerdict = { isAllowed: true } | { isAllowed: false; retryAfterSeconds: number };

export type Attempt = {
  /** What was typed, known or not; absent where no account is meant yet (sign-up). */
  username?: string;
  /** Client address. */
  address: string;
};

/**
 * Counts attempts to sign in, per account and per address, in the store: a restart or another replica forgets nothing. An
 * attempt is counted before the password is looked at, so that a hundred at once are no more than a hundred in a row.
 */
export type Throttle = {
  /** Counts an attempt; refused ones are not counted and must not be tried. */
  take(attempt: Attempt): Promise<ThrottleVerdict>;
  /** The password was right: the account starts anew, the address gets this one attempt back. */
  succeed(attempt: Attempt): Promise<void>;
  /** The attempt could not be made (overload): as if it had never been. */
  refund(attempt: Attempt): Promise<void>;
};

const cleanUpMs = 60_000;

/** Makes the throttle. The limits are those of the configuration section `login`. */
export function createThrottle({
  store,
  clock,
  config,
}: {
  store: Store;
  clock: Clock;
  config: Pick<Config['login'], 'attemptsPerAccount' | 'attemptsPerAddress' | 'windowSeconds'>;
}): Throttle {
  const windowMs = config.windowSeconds * 1000;
  let cleanedAt = -Infinity;

  function keysOf({ username, address }: Attempt): { key: string; limit: number }[] {
    const byAddress = { key: `address:${addressKey(address)}`, limit: config.attemptsPerAddress };
    if (username === undefined) return [byAddress];
    return [{ key: `account:${username.slice(0, 64)}`, limit: config.attemptsPerAccount }, byAddress];
  }

  /** A window that lies in the future was written before the clock was set back: it counts as over. */
  function isOver(startedAt: number, now: number): boolean {
    return now - startedAt >= windowMs || startedAt > now + windowMs;
  }

  async function giveBack(attempt: Attempt): Promise<void> {
    await store.transaction(async ({ db }) => {
      for (const { key, limit } of keysOf(attempt)) {
        const row = await findAttempts(db, key);
        if (!row) continue;
        const failures = Math.max(0, row.failures - 1);
        await writeAttempts(db, { ...row, failures, blocked_until: failures < limit ? 0 : row.blocked_until });
      }
    });
  }

  return {
    async take(attempt) {
      const now = clock.now();
      return store.transaction<ThrottleVerdict>(async ({ db }) => {
        if (Math.abs(now - cleanedAt) > cleanUpMs) {
          cleanedAt = now;
          await deleteOldAttempts(db, now - windowMs, now);
        }
        const rows = [];
        for (const { key, limit } of keysOf(attempt)) rows.push({ key, limit, row: await lockAttempts(db, key, now) });
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
    },
    async succeed(attempt) {
      await giveBack(attempt);
      if (attempt.username !== undefined) await deleteAttempts(store.db, keysOf(attempt)[0]!.key);
    },
    refund: giveBack,
  };
}

/** One household or one host is one address: IPv4 whole, IPv6 by its /64, IPv4 in IPv6 as IPv4. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || isIPv4(address)) return mapped ?? address;
  const bare = address.split('%', 1)[0]!;
  if (!isIPv6(bare)) return 'unknown';
  const [head = '', tail] = bare.toLowerCase().split('::') as [string, string?];
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
