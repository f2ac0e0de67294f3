import { LRUCache } from 'lru-cache';
import { type Clock, hashSecret, newSecret } from '../lib/index.ts';
import type { Store, Transaction } from '../store/index.ts';
import type { Share } from './share.ts';
import { deleteOldVisits, findVisitRow, insertVisit, redeemVisitRow } from './visit-records.ts';

/** A guest on the host of a service: which link let them in, and what their browser is known as. */
export type GuestVisit = { share: Share; browser: string; startedAt: number };

/**
 * The session of a guest on one host. The link itself stays on the main host: a code that works once takes the guest over, and what their
 * browser holds on the host of a service opens nothing anywhere else (decision 0061).
 */
export type GuestVisits = {
  /** A code for one host, to be shown there within a minute. `browser`: what the guest's browser is known as. */
  beginVisit(share: Share, place: { host: string; browser: string }): Promise<string>;
  /** The secret of a session there; undefined for a code that was used, is too old or is of another host. */
  redeemVisit(code: string, host: string): Promise<string | undefined>;
  /** From what is known here: undefined means "ask `findVisit`", null means nobody. Whether the share lives is always asked anew. */
  peekVisit(secret: string, host: string): GuestVisit | null | undefined;
  findVisit(secret: string, host: string): Promise<GuestVisit | null>;
};

type Known = { id: string; shareId: string; host: string; browser: string; startedAt: number };

const codeMs = 60_000;
const mostOfOneShare = 1_000;
const mostKnown = 10_000;

export function createGuestVisits({
  store,
  clock,
  find,
  know,
}: {
  store: Store;
  clock: Clock;
  find(shareId: string): Share | undefined;
  /** Sees to it that a share is known here: another process may have made it a moment ago. */
  know(shareId: string): Promise<void> | undefined;
}): GuestVisits & { stop(): void } {
  /** Of secrets, never of codes. What is not there now never will be: secrets are random. */
  const cache = new LRUCache<string, Known | 'nobody'>({ max: mostKnown });
  /** Grows with each visit that ended, so that none is remembered that was read before. */
  let ends = 0;

  function forget(isOver: (visit: Known) => boolean): void {
    ends += 1;
    for (const [secret, known] of cache.entries()) if (known !== 'nobody' && isOver(known)) cache.delete(secret);
  }

  const forgetAll = (): void => forget(() => true);
  const stops = [
    store.onChange('guest-visits', (ended) => forget(({ id }) => id === ended)),
    store.onSilence(forgetAll),
    store.onGap(forgetAll),
  ];
  const announceEnds = ({ announce }: Transaction, ids: readonly string[]): void => {
    for (const id of ids) announce({ topic: 'guest-visits', key: id });
  };

  function visitOf({ shareId, host, browser, startedAt }: Known, at: string): GuestVisit | null {
    const share = host === at ? find(shareId) : undefined;
    const isLive = share !== undefined && (share.expiresAt === null || share.expiresAt > clock.now());
    return isLive ? { share, browser, startedAt } : null;
  }

  function peekVisit(secret: string, host: string): GuestVisit | null | undefined {
    const known = cache.get(secret);
    return known === undefined ? undefined : known === 'nobody' ? null : visitOf(known, host);
  }

  return {
    async beginVisit({ id }, { host, browser }) {
      const code = newSecret();
      const now = clock.now();
      await store.transaction(async (transaction) => {
        const { db } = transaction;
        announceEnds(
          transaction,
          await deleteOldVisits(db, { shareId: id, codesBefore: now, most: mostOfOneShare - 1 }),
        );
        await insertVisit(db, {
          secret_hash: hashSecret(code),
          share_id: id,
          host,
          browser,
          code_until: now + codeMs,
          started_at: now,
        });
      });
      return code;
    },
    async redeemVisit(code, host) {
      const secret = newSecret();
      const now = clock.now();
      const hashes = { code: hashSecret(code), secret: hashSecret(secret) };
      return store.transaction(async (transaction) => {
        const replaced = await redeemVisitRow(transaction.db, { ...hashes, host, now });
        if (replaced === undefined) return undefined;
        announceEnds(transaction, replaced);
        return secret;
      });
    },
    peekVisit,
    async findVisit(secret, host) {
      const peeked = peekVisit(secret, host);
      if (peeked !== undefined) return peeked;
      const before = ends;
      const row = await findVisitRow(store.db, hashSecret(secret));
      if (row === undefined) {
        cache.set(secret, 'nobody');
        return null;
      }
      const { secret_hash: id, share_id: shareId, browser, started_at: startedAt } = row;
      const known = { id, shareId, host: row.host, browser, startedAt };
      if (before === ends) cache.set(secret, known);
      await know(shareId);
      return visitOf(known, host);
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}
