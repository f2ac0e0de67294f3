import { type Clock, every, type Log } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { writeLastUse } from './records.ts';

export type LastUse = { at: number; address: string };

/** When and from where each token was used last, written a few times a minute and never on the path of a request. */
export type LastUses = {
  note(id: string, address: string): void;
  /** What is not written yet. */
  pending(id: string): LastUse | undefined;
  flush(): Promise<void>;
  close(): Promise<void>;
};

const flushMs = 10_000;
/** One token is not written more often than this. */
const againMs = 60_000;
/** What comes beyond is not noted until the next writing: a use that is missing is better than memory without bound. */
const mostPending = 10_000;

export function createLastUses({ store, clock, log }: { store: Store; clock: Clock; log: Log }): LastUses {
  let pending = new Map<string, LastUse>();
  let written = new Map<string, number>();
  let writing: Promise<void> = Promise.resolve();
  const flushing = every(flushMs, flush, { log, complaint: 'writing the last use of tokens failed', jitter: 0.1 });

  async function flush(): Promise<void> {
    const batch = pending;
    pending = new Map();
    writing = writing.then(async () => {
      if (written.size > mostPending) written = new Map();
      for (const [id, { at, address }] of batch) {
        try {
          await writeLastUse(store.db, id, at, address);
          written.set(id, at);
        } catch (error) {
          log.warn({ err: error }, 'the last use of tokens could not be written');
          return;
        }
      }
    });
    await writing;
  }

  return {
    note(id, address) {
      const now = clock.now();
      if (Math.abs(now - (written.get(id) ?? -Infinity)) < againMs) return;
      if (pending.size < mostPending || pending.has(id)) pending.set(id, { at: now, address });
    },
    pending: (id) => pending.get(id),
    flush,
    async close() {
      await flushing.stop();
      await flush();
    },
  };
}
