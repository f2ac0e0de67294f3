import { LRUCache } from 'lru-cache';
import {
  type AuditEntry,
  type Clock,
  dayMs,
  hashSecret,
  hiddenCharacter,
  knotError,
  type Log,
  newId,
} from '../lib/index.ts';
import type { Row, Store, Transaction } from '../store/index.ts';
import { createGuesses } from './guesses.ts';
import { createLastUses } from './last-use.ts';
import { deleteExpired, deleteTokenRow, deleteTokenRows, findTokenRow, insertToken, listTokenRows } from './records.ts';
import { parseScope, type Scope } from './scopes.ts';
import { isTokenForm, newTokenSecret } from './secret.ts';

export type Token = {
  id: string;
  userId: string;
  name: string;
  scopes: readonly string[];
  /** Last four characters of the secret, by which its owner knows it again. */
  hint: string;
  createdAt: number;
  expiresAt: number;
  lastUsedAt: number | null;
  lastUsedFrom: string | null;
};

export type NewToken = { userId: string; name: string; scopes: readonly string[]; days: number };

/** Who causes a change, for the audit record. */
type By = { actor: string; address?: string | undefined; reason?: string };

export type Tokens = {
  /**
   * Makes a token; its secret is answered once and kept as a hash.
   * @throws KNOT_TOKENS_NAME, KNOT_TOKENS_SCOPE, KNOT_TOKENS_DAYS, KNOT_TOKENS_TOO_MANY
   */
  create(token: NewToken, by: By): Promise<{ token: Token; secret: string }>;
  /** Newest first. */
  list(userId: string): Promise<Token[]>;
  /** @throws KNOT_TOKENS_NONE when the person has no such token */
  revoke(userId: string, id: string, by: By): Promise<void>;
  /** Ends all tokens of a person as a part of the transaction that takes away what they stand on. */
  endAllWithin(transaction: Transaction, userId: string, by: By): Promise<number>;
  /**
   * The token of a secret, cached until the change feed says that it ended; undefined for what is none, without asking the store
   * when the form is wrong. Notes the use.
   * @throws KNOT_TOKENS_TOO_OFTEN (429) for a network that invents secrets
   */
  find(secret: string, address: string): Promise<FoundToken | undefined>;
  /** Hears of each token that ended, on whatever replica. */
  onEnded(listener: (id: string) => void): () => void;
  /** Writes last uses that wait; called by a timer and by tests. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

export type FoundToken = {
  id: string;
  userId: string;
  name: string;
  scopes: readonly Scope[];
  createdAt: number;
  expiresAt: number;
};

/** Well-formed secrets of nobody that one network may show in a minute. */
const mostGuesses = 20;
const guessWindowMs = 60_000;
export const mostDays = 366;
const mostTokens = 100;
const longestName = 60;
const mostCached = 20_000;
const mostBuried = 20_000;
/** A token that expired is listed for a while as such. */
const keepExpiredMs = 30 * dayMs;

export function createTokens(options: {
  store: Store;
  clock: Clock;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  log: Log;
}): Tokens {
  const { store, clock, record, log } = options;
  const cache = new LRUCache<string, FoundToken>({ max: mostCached });
  const hashes = new LRUCache<string, string>({ max: mostCached });
  /** Ended here or elsewhere: what is read late cannot bring one back. */
  const buried = new LRUCache<string, true>({ max: mostBuried });
  const guesses = createGuesses(clock, { most: mostGuesses, windowMs: guessWindowMs });
  const lastUses = createLastUses({ store, clock, log });
  const listeners = new Set<(id: string) => void>();
  const stops = [
    store.onChange('tokens', (id) => {
      buried.set(id, true);
      const hash = hashes.get(id);
      if (hash !== undefined) cache.delete(hash);
      for (const listener of listeners) listener(id);
    }),
    store.onSilence(() => cache.clear()),
    store.onGap(() => cache.clear()),
  ];

  function entry(action: string, row: Row<'tokens'>, { actor, address, reason }: By): AuditEntry {
    const detail = { name: row.name, scopes: row.scopes, ...(reason === undefined ? {} : { reason }) };
    const from = address === undefined ? {} : { address };
    return { action, actor, subject: `token:${row.id}`, outcome: 'done', ...from, detail };
  }

  function toToken(row: Row<'tokens'>): Token {
    const use = lastUses.pending(row.id);
    return {
      id: row.id,
      userId: row.user_id,
      name: row.name,
      scopes: row.scopes.split(' '),
      hint: row.hint,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      lastUsedAt: use?.at ?? row.last_used_at,
      lastUsedFrom: use?.address ?? row.last_used_from,
    };
  }

  return {
    async create({ userId, name, scopes, days }, by) {
      const title = checkedName(name);
      if (scopes.length === 0) throw refused('KNOT_TOKENS_SCOPE', 'scopes', 'A token needs at least one scope.');
      const wanted = [...new Set(scopes)];
      for (const scope of wanted) parseScope(scope);
      if (!Number.isInteger(days) || days < 1 || days > mostDays) {
        throw refused('KNOT_TOKENS_DAYS', 'days', `A token lives for 1 to ${mostDays} days.`);
      }
      const now = clock.now();
      const secret = newTokenSecret();
      const row = {
        id: newId(),
        user_id: userId,
        name: title,
        secret_hash: hashSecret(secret),
        hint: secret.slice(-4),
        scopes: wanted.join(' '),
        created_at: now,
        expires_at: now + days * dayMs,
        last_used_at: null,
        last_used_from: null,
      };
      await store.transaction(async (transaction) => {
        await deleteExpired(transaction.db, now - keepExpiredMs);
        const present = await listTokenRows(transaction.db, userId);
        if (present.length >= mostTokens) {
          throw knotError('KNOT_TOKENS_TOO_MANY', 409, `Nobody has more than ${mostTokens} tokens.`, {
            remedy: 'Remove some that are not used any more.',
          });
        }
        await insertToken(transaction.db, row);
        await record(transaction, entry('token.created', row, by));
      });
      return { token: toToken(row), secret };
    },

    list: async (userId) => (await listTokenRows(store.db, userId)).map(toToken),

    revoke: (userId, id, by) =>
      store.transaction(async (transaction) => {
        const row = await deleteTokenRow(transaction.db, userId, id);
        if (!row) throw knotError('KNOT_TOKENS_NONE', 404, 'There is no such token.');
        transaction.announce({ topic: 'tokens', key: id });
        await record(transaction, entry('token.revoked', row, by));
      }),

    async endAllWithin(transaction, userId, by) {
      const rows = await deleteTokenRows(transaction.db, userId);
      for (const row of rows) {
        transaction.announce({ topic: 'tokens', key: row.id });
        await record(transaction, entry('token.revoked', row, by));
      }
      return rows.length;
    },

    async find(secret, address) {
      if (!isTokenForm(secret)) return undefined;
      const hash = hashSecret(secret);
      let found = cache.get(hash);
      if (!found) {
        const wait = guesses.waitOf(address);
        if (wait !== undefined) throw tooOften(wait);
        const row = await findTokenRow(store.db, hash);
        if (!row || buried.has(row.id)) {
          guesses.note(address);
          return undefined;
        }
        found = foundOf(row);
        cache.set(hash, found);
        hashes.set(found.id, hash);
      }
      if (found.expiresAt <= clock.now()) return undefined;
      lastUses.note(found.id, address);
      return found;
    },

    onEnded(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    flush: lastUses.flush,
    async close() {
      for (const stop of stops) stop();
      listeners.clear();
      await lastUses.close();
    },
  };
}

const foundOf = (row: Row<'tokens'>): FoundToken =>
  Object.freeze({
    id: row.id,
    userId: row.user_id,
    name: row.name,
    scopes: row.scopes.split(' ').map(parseScope),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  });

function tooOften(seconds: number) {
  return knotError('KNOT_TOKENS_TOO_OFTEN', 429, 'Too many tokens that do not exist came from this network.', {
    remedy: `Check the token, and try again in ${seconds} s.`,
    headers: { 'retry-after': String(seconds) },
  });
}

function checkedName(name: string): string {
  const title = name.trim();
  if (title !== '' && title.length <= longestName && !hiddenCharacter.test(title)) return title;
  throw refused('KNOT_TOKENS_NAME', 'name', `The name of a token has 1 to ${longestName} characters on one line.`);
}

function refused(code: `KNOT_${string}`, field: string, message: string) {
  return knotError(code, 400, message, { details: { problems: [{ field, message }] } });
}
