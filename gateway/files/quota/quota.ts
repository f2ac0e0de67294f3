import { type Clock, dayMs, knotError, KnotError, newShortId } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { Runs } from '../act/runs.ts';
import { isTrashed } from '../act/trash.ts';
import { type Area, type AreaFolders, keyOf } from '../walk/areas.ts';
import { type HeldFolder, withFolder } from '../walk/held-folder.ts';
import type { Name } from '../walk/names.ts';
import { createPace, measure, namesIn } from '../walk/tree.ts';
import * as records from './records.ts';
import { bytesInWords } from './words.ts';

/** How much the owner of an area may keep in it, and whose it is, for the message; no `limit`: as much as the disk takes. */
export type Allowance = { limit?: number | undefined; whose: string };
export type AllowanceOf = (area: Area) => Promise<Allowance>;

export type Usage = { bytes: number; reserved: number; limit?: number | undefined };

export type Reservation = {
  id: string;
  /** More than was asked for at first. @throws KNOT_FILES_QUOTA */
  grow(bytes: number): Promise<void>;
  /** The act is done: what it really added (less than nothing when it freed some). */
  settle(bytes: number): Promise<void>;
  /** The act did not happen. */
  release(): Promise<void>;
};

export type Quota = {
  /**
   * Room for what is about to be written, before a byte of it is: two acts together never exceed a quota, on however many gateways.
   * Growth alone needs room, so that what is over its quota can still shrink.
   * @throws KNOT_FILES_QUOTA (507), which says whose, how much is used and how much there may be
   */
  reserve(area: Area, bytes: number, options?: { id?: string; expiresAt?: number }): Promise<Reservation>;
  /** One that was made earlier, for example by another gateway. */
  reservation(area: Area, id: string): Reservation;
  /** Something was freed or added without a reservation. */
  note(area: Area, bytes: number): Promise<void>;
  usage(area: Area): Promise<Usage>;
  /** As far as it is known, by key; areas that nobody used are missing. */
  usages(): Promise<Map<string, number>>;
  /** Counts what is on the disk, trash included, and corrects what the acts added up to. */
  count(area: Area): Promise<void>;
  /** Forgets what was promised to acts that will not end. */
  forgetLost(): Promise<void>;
};

export function createQuota(parts: {
  store: Store;
  areas: AreaFolders;
  runs: Runs;
  allowanceOf: AllowanceOf;
  clock: Clock;
}): Quota {
  const { store, areas, runs, allowanceOf, clock } = parts;

  async function checkRoom(
    db: Parameters<typeof records.lockUsage>[0],
    area: Area,
    bytes: number,
    { limit, whose }: Allowance,
  ): Promise<void> {
    const used = await records.lockUsage(db, keyOf(area));
    if (limit === undefined || bytes <= 0) return;
    const reserved = await records.reservedBytes(db, keyOf(area), clock.now());
    if (used + reserved + bytes <= limit) return;
    const promised = reserved > 0 ? `, and ${bytesInWords(reserved)} are promised to uploads` : '';
    throw knotError(
      'KNOT_FILES_QUOTA',
      507,
      `There is no room for ${bytesInWords(bytes)} more: ${whose} use ${bytesInWords(used)} of ${bytesInWords(limit)}, the trash included${promised}.`,
      {
        remedy: 'Delete what is not needed and empty the trash, or ask an administrator for a larger plan.',
        details: { area: area.kind, used, reserved, limit, wanted: bytes },
      },
    );
  }

  function reservation(area: Area, id: string): Reservation {
    return {
      id,
      async grow(bytes) {
        const allowance = await allowanceOf(area);
        await store.transaction(async ({ db }) => {
          await checkRoom(db, area, bytes, allowance);
          await records.growReservation(db, id, bytes);
        });
      },
      settle: (bytes) =>
        store.transaction(async ({ db }) => {
          await records.addBytes(db, keyOf(area), bytes);
          await records.deleteReservation(db, id);
        }),
      release: () => records.deleteReservation(store.db, id),
    };
  }

  /** Counts that are under way: who needs the same one waits for it. */
  const counting = new Map<string, Promise<void>>();

  function count(area: Area): Promise<void> {
    const key = keyOf(area);
    const known = counting.get(key);
    if (known) return known;
    const promise = countOnce(area, key).finally(() => counting.delete(key));
    counting.set(key, promise);
    return promise;
  }

  async function countOnce(area: Area, key: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const changes = await records.readChanges(store.db, key);
      const bytes = await countBytes(area);
      // In an area that never rests the last count is nearer to the truth than none.
      const isForced = attempt === 3;
      if (await records.setCounted(store.db, key, { bytes, changes, at: clock.now(), isForced })) return;
    }
  }

  async function countBytes(area: Area): Promise<number> {
    const pace = createPace();
    const bytesIn = (isCounted: (name: Name) => boolean) => async (folder: HeldFolder) => {
      let bytes = 0;
      for (const name of await namesIn(folder)) if (isCounted(name)) bytes += (await measure(folder, name, pace)).bytes;
      return bytes;
    };
    const own = await withFolder(
      areas.root(area),
      bytesIn((name) => !areas.isReserved([name])),
    );
    const trash = areas.roomIfThere(area, 'trash');
    return trash === undefined ? own : own + (await withFolder(trash, bytesIn(isTrashed)));
  }

  return {
    async reserve(area, bytes, { id = newShortId(), expiresAt = clock.now() + dayMs } = {}) {
      // The first time nobody knows what is there already.
      const known = await records.findUsage(store.db, keyOf(area));
      if ((known?.counted_at ?? null) === null) await count(area);
      const run = id.includes(uploadMark) ? '' : runs.own;
      const allowance = await allowanceOf(area);
      await store.transaction(async ({ db }) => {
        await checkRoom(db, area, bytes, allowance);
        await records.insertReservation(db, {
          id,
          area: keyOf(area),
          bytes: Math.max(0, bytes),
          run,
          expires_at: expiresAt,
        });
      });
      return reservation(area, id);
    },
    reservation,
    note: (area, bytes) =>
      bytes === 0 ? Promise.resolve() : store.transaction(({ db }) => records.addBytes(db, keyOf(area), bytes)),
    usages: () => records.listUsage(store.db),
    async usage(area) {
      const key = keyOf(area);
      let row = await records.findUsage(store.db, key);
      if ((row?.counted_at ?? null) === null) {
        await count(area);
        row = await records.findUsage(store.db, key);
      }
      const { limit } = await allowanceOf(area);
      const reserved = await records.reservedBytes(store.db, key, clock.now());
      return { bytes: row?.bytes ?? 0, reserved, limit };
    },
    count,
    async forgetLost() {
      await records.deleteExpiredReservations(store.db, clock.now());
      const lost = (await records.runsWithReservations(store.db)).filter((run) => run !== '' && runs.isGone(run));
      await records.deleteReservationsOf(store.db, lost);
    },
  };
}

/** How full an area is, is nothing to who comes into a part of it only: the refusal for them. Any other error is given back as it is. */
export function withoutFigures(error: unknown): unknown {
  if (!(error instanceof KnotError) || error.code !== 'KNOT_FILES_QUOTA') return error;
  return knotError('KNOT_FILES_QUOTA', 507, 'There is no room for this.', {
    remedy: 'Ask whoever shares the folder with you to make room.',
    cause: error,
  });
}

/** In the id of a reservation that outlives the gateway that made it. */
export const uploadMark = 'upload-';
