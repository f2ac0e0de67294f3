import {
  type AuditEntry,
  type Clock,
  dayMs,
  every,
  knotError,
  type Log,
  newId,
  newSecret,
  type Principal,
  type ShareRight,
} from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import { checkDays, checkNewShare } from './input.ts';
import { createGuestLinks, type GuestLinks } from './links.ts';
import * as records from './records.ts';
import { rowOf, shareOf } from './rows.ts';
import { type NewShare, partyWords, type Share, type SharedThing } from './share.ts';
import { createShareIndex, isBelow } from './share-index.ts';
import { createStanding, type LookAtThing } from './standing.ts';
import { createUses, type ShareUse, type User } from './uses.ts';
import { createGuestVisits, type GuestVisits } from './visits.ts';

export type { LinkState } from './links.ts';
export type { ShareUse } from './uses.ts';

type By = { actor: string; address?: string | undefined; reason?: string };

export type Shares = GuestLinks &
  GuestVisits & {
    /** Reads all of them; before that nobody has a right by a share. */
    load(): Promise<void>;
    /**
     * `secret` is that of a guest's link, answered once.
     * @throws KNOT_SHARES_RIGHT, KNOT_SHARES_PATH, KNOT_SHARES_DAYS, KNOT_SHARES_SELF, KNOT_SHARES_TOO_MANY
     */
    create(share: NewShare, by: By): Promise<{ share: Share; secret?: string }>;
    find(id: string): Share | undefined;
    /** Those of a service, or of an area of files and all that is in it. */
    of(thing: Pick<SharedThing, 'kind' | 'id'>): Share[];
    /** With a person, or with a team they are in. */
    givenTo(principal: Principal): Share[];
    usesOf(shares: readonly Share[]): Promise<Map<string, ShareUse[]>>;
    /** @throws KNOT_SHARES_NONE */
    revoke(id: string, by: By): Promise<void>;
    /** A share that was revoked a while ago, and by whom; undefined while it lives, and when it ended otherwise. */
    findRevoked(id: string): Promise<{ share: Share; by: string } | undefined>;
    /**
     * Takes a revocation back, with all that was noted about the share. A link stays dead: who revoked it wanted it out of the world.
     * @throws KNOT_SHARES_NONE
     */
    restore(id: string, by: By): Promise<Share>;
    /** Lets a share end at another time (epoch milliseconds), null for never. @throws KNOT_SHARES_NONE, KNOT_SHARES_DAYS */
    setEnd(id: string, expiresAt: number | null, by: By): Promise<Share>;
    /** Ends what a person shares, as a part of the transaction that takes the account away. */
    endAllWithin(transaction: Transaction, userId: string, by: By): Promise<number>;
    /** Ends the shares of a path and of all below it: what is moved or deleted must not give itself away to who comes next. Their ids. */
    endBelow(thing: SharedThing, by: By): Promise<string[]>;
    /** Takes back what `endBelow` ended for the same person within a day, links too, of what lies at or below a path again. How many. */
    restoreBelow(thing: SharedThing, ids: readonly string[], by: By): Promise<number>;
    /** How to see what stands where something is shared; before that whatever stands there is what was shared. */
    lookBy(look: LookAtThing): void;
    /** Whether what was shared is what stands there now. */
    isThere(share: Share): boolean;
    /**
     * What shares let somebody do with a thing; undefined where nothing is shared. Synchronous: the hot path.
     */
    rightsOn(principal: Principal, thing: SharedThing): readonly ShareRight[] | undefined;
    /** Notes that somebody used what is shared with them. */
    noteUse(principal: Principal, thing: SharedThing, user: User): void;
    /** Hears whose rights may have changed: ids of people, of teams, and `guest:SHARE`; and the share, as it is or was. */
    onChange(listener: (party: { kind: 'user' | 'team' | 'guest'; id: string }, share: Share) => void): () => void;
    flush(): Promise<void>;
    close(): Promise<void>;
  };

const mostOfOneThing = 1_000;
/** How long who has a link is told what became of it, and a revocation can be taken back. */
const keepEndedMs = 30 * dayMs;
const endCheckMs = 500;

export function createShares(options: {
  store: Store;
  clock: Clock;
  record(transaction: Transaction, entry: AuditEntry): Promise<void>;
  log: Log;
}): Shares {
  const { store, clock, record, log } = options;
  const standing = createStanding({
    shares: () => index.all(),
    find: (id) => index.get(id),
    end: (share) =>
      store.transaction((transaction) => endEach(transaction, [share], { actor: 'system', reason: 'gone' })),
    async remember(share, mark) {
      if (index.get(share.id) === share) index.put({ ...share, mark });
      await store.transaction(async (transaction) => {
        await records.setMark(transaction.db, share.id, mark);
        // What was never looked at, each process looks at by itself.
        if (share.mark !== null) transaction.announce({ topic: 'shares', key: share.id });
      });
    },
    log,
  });
  const index = createShareIndex(standing.isThere);
  const uses = createUses({
    store,
    clock,
    log,
    onFirst: (transaction, row, { name: actor, address }) =>
      record(transaction, entry('share.opened', shareOf(row), { actor, address })),
  });
  const listeners = new Set<Parameters<Shares['onChange']>[0]>();
  /** Grows with each change that was heard, so that a reading which one overtook is done again. */
  let changes = 0;
  let isLoaded = false;
  let nextEnd: number | undefined;

  const isLive = ({ expiresAt }: Share): boolean => expiresAt === null || expiresAt > clock.now();

  function tell(share: Share): void {
    const { id, party } = share;
    const whose = party.kind === 'guest' ? { kind: 'guest' as const, id: `guest:${id}` } : party;
    for (const listener of listeners) {
      try {
        listener({ kind: whose.kind, id: whose.id }, share);
      } catch (error) {
        log.error({ err: error }, 'a listener of shares failed');
      }
    }
  }

  async function load(): Promise<void> {
    for (;;) {
      const before = changes;
      const rows = await records.listShareRows(store.db);
      if (before !== changes) continue;
      index.clear();
      for (const share of rows.map(shareOf).filter(isLive)) index.put(share);
      isLoaded = true;
      nextEnd = index.nextEnd();
      await noteOverdue();
      return;
    }
  }

  /** Reads some shares anew; `taken` are those that were taken out of the index meanwhile. */
  async function reread(ids: readonly string[], taken?: Share): Promise<void> {
    if (!isLoaded || ids.length === 0) return;
    for (;;) {
      const before = changes;
      const rows = await records.findShareRows(store.db, ids);
      if (before !== changes) continue;
      const fresh = new Map(
        rows
          .map(shareOf)
          .filter(isLive)
          .map((share) => [share.id, share]),
      );
      for (const id of ids) {
        const share = fresh.get(id);
        const gone = share ? index.get(id) : index.remove(id);
        if (share) index.put(share);
        const changed = share ?? gone ?? taken;
        if (changed) tell(changed);
      }
      nextEnd = index.nextEnd();
      return;
    }
  }

  const rereadLater = (ids: readonly string[], taken?: Share): void => {
    reread(ids, taken).catch((error: unknown) => {
      // What cannot be read gives no right.
      for (const id of ids) {
        const gone = index.remove(id);
        if (gone) tell(gone);
      }
      log.error({ err: error }, 'shares could not be read anew; they give no right until the next start or change');
    });
  };

  const stops = [
    store.onChange('shares', (id) => {
      changes += 1;
      // It gives no right until it was read: most of what is told here is an end.
      rereadLater([id], index.remove(id));
    }),
    // With a person or team the rows of their shares go as well, without a word of their own.
    ...(['users', 'teams'] as const).map((topic) =>
      store.onChange(topic, (id) => {
        const ids = [...index.about(id)];
        if (ids.length === 0) return;
        changes += 1;
        rereadLater(ids);
      }),
    ),
    store.onGap(() => {
      changes += 1;
      load().catch((error: unknown) => log.error({ err: error }, 'shares could not be read anew'));
    }),
  ];

  const loop = every(
    endCheckMs,
    async () => {
      if (nextEnd === undefined || nextEnd > clock.now()) return;
      for (const share of index.ended(clock.now())) {
        index.remove(share.id);
        tell(share);
      }
      nextEnd = index.nextEnd();
      await noteOverdue();
    },
    { log, complaint: 'ending shares failed' },
  );

  /** One of the replicas writes that the time of a share is over; what it gave has ended on each by then. */
  async function noteOverdue(): Promise<void> {
    for (const row of await records.listOverdueRows(store.db, clock.now())) {
      const end = { at: row.expires_at ?? clock.now(), why: 'expired', by: null };
      await store.transaction(async (transaction) => {
        if (!(await records.endShareRow(transaction.db, row.id, end))) return;
        await record(transaction, entry('share.expired', shareOf(row), { actor: 'system' }));
      });
    }
  }

  function entry(action: string, share: Share, { actor, address, reason }: By): AuditEntry {
    const { thing, party, right } = share;
    const whom = partyWords(party);
    const detail = { of: thing.kind, thing: thing.id, path: thing.path, with: whom, right, ...(reason && { reason }) };
    return { action, actor, subject: `share:${share.id}`, outcome: 'done', ...(address && { address }), detail };
  }

  /** Another process may have made it a moment ago. */
  const know = (id: string): Promise<void> | undefined => (index.get(id) ? undefined : reread([id]));

  const { stop: stopVisits, ...visits } = createGuestVisits({ store, clock, find: index.get, know });

  const endBy = ({ actor, reason }: By): records.End => ({ at: clock.now(), why: reason ?? 'revoked', by: actor });

  /** Ids of those that had not ended yet. */
  async function endEach(transaction: Transaction, shares: readonly Share[], by: By): Promise<string[]> {
    const ended: string[] = [];
    for (const share of shares) {
      if (!(await records.endShareRow(transaction.db, share.id, endBy(by)))) continue;
      transaction.announce({ topic: 'shares', key: share.id });
      await record(transaction, entry('share.revoked', share, by));
      ended.push(share.id);
    }
    return ended;
  }

  const all = (ids: Iterable<string>): Share[] =>
    [...ids].map((id) => index.get(id)).filter((one) => one !== undefined);

  return {
    load,
    async create(wanted, by) {
      checkNewShare(wanted);
      const { thing, owner, party, right, days, bindsBrowser = false } = wanted;
      const now = clock.now();
      const secret = party.kind === 'guest' ? newSecret() : undefined;
      const share: Share = {
        id: newId(),
        thing,
        owner,
        party,
        right,
        createdBy: by.actor,
        createdAt: now,
        expiresAt: days === undefined ? null : now + days * dayMs,
        bindsBrowser: party.kind === 'guest' && bindsBrowser,
        mark: null,
      };
      share.mark = standing.markOf(share);
      await store.transaction(async (transaction) => {
        await records.deleteEnded(transaction.db, now - keepEndedMs);
        if ((await records.countShares(transaction.db, thing.kind, thing.id)) >= mostOfOneThing) {
          throw knotError('KNOT_SHARES_TOO_MANY', 409, `Nothing is shared more than ${mostOfOneThing} times.`, {
            remedy: 'Share with a team, or end shares that are not used any more.',
          });
        }
        await records.insertShare(transaction.db, rowOf(share, secret));
        transaction.announce({ topic: 'shares', key: share.id });
        await record(transaction, entry('share.created', share, by));
      });
      // Who made it need not wait for the change feed; read anew, because it may be gone again.
      await reread([share.id]);
      return secret === undefined ? { share } : { share, secret };
    },
    find: (id) => index.get(id),
    of: ({ kind, id }) => index.ofThing(kind, id),
    givenTo(principal) {
      const own = all(index.about(principal.id)).filter(
        ({ party }) => party.kind === 'user' && party.id === principal.id,
      );
      const names = new Set(principal.teams.map(({ name }) => name));
      return own.concat(index.withTeams(names));
    },
    usesOf: (shares) => uses.of(shares.map(({ id }) => id)),
    async revoke(id, by) {
      const share = index.get(id);
      const ended = share ? await store.transaction((transaction) => endEach(transaction, [share], by)) : [];
      if (ended.length === 0) throw noSuchShare();
    },
    async findRevoked(id) {
      const row = await records.findEndedRow(store.db, id);
      if (row?.ended_why !== 'revoked' || row.secret_hash !== null) return undefined;
      const share = shareOf(row);
      return isLive(share) ? { share, by: row.ended_by ?? '' } : undefined;
    },
    async restore(id, by) {
      await store.transaction(async (transaction) => {
        const row = await records.findEndedRow(transaction.db, id);
        const isRevoked = row?.ended_why === 'revoked' && row.secret_hash === null && isLive(shareOf(row));
        if (!isRevoked || !(await records.reviveRow(transaction.db, id))) throw noSuchShare();
        transaction.announce({ topic: 'shares', key: id });
        await record(transaction, entry('share.restored', shareOf(row), by));
      });
      await reread([id]);
      return index.get(id) ?? raise(noSuchShare());
    },
    async setEnd(id, expiresAt, by) {
      const share = index.get(id);
      if (!share) throw noSuchShare();
      checkDays(share.party, expiresAt === null ? undefined : (expiresAt - clock.now()) / dayMs);
      await store.transaction(async (transaction) => {
        if (!(await records.setExpiry(transaction.db, id, expiresAt))) throw noSuchShare();
        transaction.announce({ topic: 'shares', key: id });
        const changed = entry('share.changed', share, by);
        const until = expiresAt === null ? 'never' : new Date(expiresAt).toISOString();
        await record(transaction, { ...changed, detail: { ...changed.detail, until } });
      });
      await reread([id]);
      return index.get(id) ?? raise(noSuchShare());
    },
    async endAllWithin(transaction, userId, by) {
      const rows = await records.endSharesOf(transaction.db, userId, endBy(by));
      for (const row of rows) {
        transaction.announce({ topic: 'shares', key: row.id });
        await record(transaction, entry('share.revoked', shareOf({ ...row, user_name: '', team_name: '' }), by));
      }
      return rows.length;
    },
    async endBelow({ kind, id, path }, by) {
      const shares = index.ofThing(kind, id).filter((one) => isBelow(one.thing.path, path) && isLive(one));
      if (shares.length === 0) return [];
      return store.transaction((transaction) => endEach(transaction, shares, by));
    },
    async restoreBelow({ kind, id, path }, ids, by) {
      const restored = await store.transaction(async (transaction) => {
        const rows = await records.findEndedRows(transaction.db, ids);
        const mine = rows.filter(({ ended_why: why, ended_by: who, ended_at: at, ...row }) => {
          const isByActOnFiles = (why === 'moved' || why === 'deleted') && who === by.actor;
          const isThere = row.kind === kind && row.thing === id && isBelow(row.path, path);
          return isByActOnFiles && isThere && (at ?? 0) > clock.now() - dayMs;
        });
        const shares = mine.map(shareOf).filter(isLive);
        for (const share of shares) {
          // What stands there is what was there: it may have another number since.
          await records.reviveRow(transaction.db, share.id, { mark: null });
          transaction.announce({ topic: 'shares', key: share.id });
          await record(transaction, entry('share.restored', share, by));
        }
        return shares;
      });
      await reread(restored.map((share) => share.id));
      return restored.length;
    },
    lookBy: standing.lookBy,
    isThere: standing.isThere,
    rightsOn: (principal, thing) => index.rightsOn(principal, thing, clock.now()),
    noteUse(principal, thing, user) {
      for (const { id } of index.matching(principal, thing, clock.now())) uses.note(id, user);
    },
    ...createGuestLinks({ store, clock, know }),
    ...visits,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    flush: uses.flush,
    async close() {
      for (const stop of [...stops, stopVisits]) stop();
      await Promise.all([loop.stop(), standing.stop()]);
      listeners.clear();
      await uses.close();
    },
  };
}

export const noSuchShare = () => knotError('KNOT_SHARES_NONE', 404, 'There is no such share.');

function raise(error: Error): never {
  throw error;
}
