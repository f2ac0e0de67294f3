import { type Kysely, sql } from 'kysely';
import {
  addAmounts,
  type Amounts,
  boundsOf,
  type Clock,
  dayMs,
  dayOf,
  elapsedOf,
  type MonthOfAmounts,
  mostFirst,
  noAmounts,
  sumUnder,
} from '../../lib/index.ts';
import { settingOnce, type Store, type Tables } from '../../store/index.ts';

/** What an owner's services used in a month. */
export type ServiceUse = MonthOfAmounts<{ id: string }> & {
  /** The first day that anything is known of (YYYY-MM-DD): before it nobody measured. */
  since: string;
};

export type UseBook = {
  /** Adds what one service used in the time up to now; kept in memory until the next `write`. */
  add(serviceId: string, used: { processorMs: number; byteMs: number }): void;
  write(): Promise<void>;
  of(ownerId: string, month: string): Promise<ServiceUse>;
};

const mibSecond = 2 ** 20 * 1000;
/** Beside the present month, the year before. */
const keptDays = 400;

/** Keeps sums by day in the store, so that a month is known where nobody keeps metrics, and outlasts the samples and the service. */
export function createUseBook(options: {
  store: Store;
  /** Whose each of these is, by its id; without those whose owner is gone. */
  ownersOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  clock: Clock;
}): UseBook {
  const { store, ownersOf, clock } = options;
  let waiting = new Map<string, { processorMs: number; byteMs: number }>();
  /** Before which day this process has removed what was there. */
  let removedBefore: string | undefined;
  const today = (): string => dayOf(clock.now());

  function addTo(key: string, { processorMs, byteMs }: { processorMs: number; byteMs: number }): void {
    const sum = waiting.get(key) ?? { processorMs: 0, byteMs: 0 };
    waiting.set(key, { processorMs: sum.processorMs + processorMs, byteMs: sum.byteMs + byteMs });
  }

  async function writeAll(written: typeof waiting): Promise<void> {
    const keys = [...written.keys()].map((key) => key.split(' ', 2) as [string, string]);
    const owners = await ownersOf([...new Set(keys.map(([, id]) => id))]);
    const rows = keys.flatMap(([day, id]) => {
      const owner = owners.get(id);
      const { processorMs, byteMs } = written.get(`${day} ${id}`)!;
      const sums = { processor_ms: Math.round(processorMs), memory_mib_seconds: Math.round(byteMs / mibSecond) };
      return owner === undefined ? [] : [{ owner_id: owner, day, service_id: id, ...sums }];
    });
    const oldest = dayOf(clock.now() - keptDays * dayMs);
    await store.transaction(async ({ db }) => {
      if (rows.length > 0) await addRows(db, rows);
      // Once for each day that goes: this is written every minute.
      if (oldest !== removedBefore) await db.deleteFrom('service_use').where('day', '<', oldest).execute();
    });
    removedBefore = oldest;
  }

  return {
    add: (serviceId, used) => addTo(`${today()} ${serviceId}`, used),
    async write() {
      await sinceIn(store.db, today);
      const written = waiting;
      if (written.size === 0) return;
      waiting = new Map();
      try {
        await writeAll(written);
      } catch (error) {
        for (const [key, used] of written) addTo(key, used);
        throw error;
      }
    },
    async of(ownerId, month) {
      const since = await sinceIn(store.db, today);
      const rows = await store.db
        .selectFrom('service_use')
        .selectAll()
        .where('owner_id', '=', ownerId)
        .where('day', '>=', `${month}-01`)
        .where('day', '<=', `${month}-31`)
        .execute();
      const { first, next } = boundsOf(month);
      const now = clock.now();
      const days = new Map<string, Amounts>();
      for (let at = first; at < Math.min(next, now); at += dayMs)
        if (dayOf(at) >= since) days.set(dayOf(at), noAmounts());
      const services = new Map<string, Amounts>();
      const total = noAmounts();
      for (const { day, service_id, processor_ms, memory_mib_seconds } of rows) {
        const used = {
          cpuHours: Number(processor_ms) / 3.6e6,
          memoryGibHours: Number(memory_mib_seconds) / 1024 / 3600,
        };
        addAmounts(used, [total, sumUnder(services, service_id), days.get(day)]);
      }
      return {
        days: [...days].map(([day, amounts]) => ({ day, ...amounts })),
        services: [...services].map(([id, amounts]) => ({ id, ...amounts })).sort(mostFirst),
        total,
        elapsed: elapsedOf(month, now),
        since,
      };
    },
  };
}

/** Since when anything is counted, of the whole installation. */
const sinceIn = (db: Kysely<Tables>, today: () => string): Promise<string> =>
  settingOnce(db, 'services.usedSince', today);

async function addRows(
  db: Kysely<Tables>,
  rows: {
    owner_id: string;
    day: string;
    service_id: string;
    processor_ms: number;
    memory_mib_seconds: number;
  }[],
): Promise<void> {
  await db
    .insertInto('service_use')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['owner_id', 'day', 'service_id']).doUpdateSet({
        processor_ms: sql`service_use.processor_ms + excluded.processor_ms`,
        memory_mib_seconds: sql`service_use.memory_mib_seconds + excluded.memory_mib_seconds`,
      }),
    )
    .execute();
}
