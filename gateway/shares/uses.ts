import { type Clock, every, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { listUses, writeUse } from './records.ts';

/** Who used a share, and when first and last. */
export type ShareUse = { name: string; firstAt: number; lastAt: number; lastFrom: string };

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

/** Written a few times a minute and never on the path of a request. */
export function createUses({ store, clock, log }: { store: Store; clock: Clock; log: Log }): Uses {
  type Pending = User & { shareId: string; at: number };
  let pending = new Map<string, Pending>();
  let written = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    const batch = pending;
    pending = new Map();
    const done = writing.then(async () => {
      if (written.size > mostPending) written = new Map();
      for (const [key, { shareId, who, name, address, at }] of batch) {
        const use = { share_id: shareId, who, name, first_at: at, last_at: at, last_from: address };
        await writeUse(store.db, use, mostOfOneShare);
        written.set(key, at);
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
        const { name, first_at: firstAt, last_at: lastAt, last_from: lastFrom } = row;
        found.set(row.share_id, [...(found.get(row.share_id) ?? []), { name, firstAt, lastAt, lastFrom }]);
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
