import { type Clock, every, type Log } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { listUses, markOpened, type ShareRow, writeUse } from './records.ts';

/** Who used a share, when first and last, and how often: what happens within a minute is one. */
export type ShareUse = { name: string; firstAt: number; lastAt: number; lastFrom: string; times: number };

/** By whom: a person by id, a guest by what their browser is known as. */
export type User = { who: string; name: string; address: string };

export type Uses = {
  note(shareId: string, user: User): void;
  of(shareIds: readonly string[]): Promise<Map<string, ShareUse[]>>;
  flush(): Promise<void>;
  close(): Promise<void>;
};

const flushMs = 5_000;
const againMs = 60_000;
const mostPending = 10_000;
const mostOfOneShare = 200;
/** Other writers wait for no more than these. */
const perTransaction = 100;

/** Written a few times a minute and never on the path of a request. */
export function createUses(parts: {
  store: Store;
  clock: Clock;
  log: Log;
  /** Hears, within the transaction that notes it, that somebody came for the first time. */
  onFirst(transaction: Transaction, row: ShareRow, user: User): Promise<void>;
}): Uses {
  const { store, clock, log, onFirst } = parts;
  type Pending = User & { shareId: string; at: number };
  let pending = new Map<string, Pending>();
  let written = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();

  async function write(transaction: Transaction, { shareId, who, name, address, at }: Pending): Promise<void> {
    const first = await markOpened(transaction.db, shareId, at);
    if (first) await onFirst(transaction, first, { who, name, address });
    const use = { share_id: shareId, who, name, first_at: at, last_at: at, last_from: address };
    await writeUse(transaction.db, use, mostOfOneShare);
  }

  async function flush(): Promise<void> {
    const batch = pending;
    pending = new Map();
    const done = writing.then(async () => {
      if (written.size > mostPending) written = new Map();
      const entries = [...batch];
      for (let from = 0; from < entries.length; from += perTransaction) {
        const some = entries.slice(from, from + perTransaction);
        await store.transaction(async (transaction) => {
          for (const [, use] of some) await write(transaction, use);
        });
        for (const [key, { at }] of some) written.set(key, at);
      }
    });
    writing = done.catch(() => undefined);
    await done;
  }

  const loop = every(flushMs, flush, { log, complaint: 'the use of shares could not be written' });

  return {
    note(shareId, user) {
      const now = clock.now();
      const key = `${shareId} ${user.who}`;
      if (Math.abs(now - (written.get(key) ?? -Infinity)) < againMs) return;
      if (pending.size < mostPending || pending.has(key)) pending.set(key, { ...user, shareId, at: now });
    },
    async of(shareIds) {
      const found = new Map<string, ShareUse[]>();
      for (const row of await listUses(store.db, shareIds)) {
        const { name, first_at: firstAt, last_at: lastAt, last_from: lastFrom, times } = row;
        found.set(row.share_id, [...(found.get(row.share_id) ?? []), { name, firstAt, lastAt, lastFrom, times }]);
      }
      return found;
    },
    flush,
    async close() {
      await loop.stop();
      await flush().catch((error: unknown) => log.warn({ err: error }, 'the last use of shares was not written'));
    },
  };
}
