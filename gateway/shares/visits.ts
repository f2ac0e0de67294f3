import { LRUCache } from 'lru-cache';
import { type Clock, hashSecret, newSecret } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import type { Share } from './share.ts';
import { deleteOldVisits, findVisitRow, insertVisit, redeemVisitRow } from './visit-records.ts';

/** A guest on the host of a service: which link let them in, and what their browser is known as. */
export type GuestVisit = { id: string; share: Share; browser: string; startedAt: number };

/**
 * The session of a guest on one host. The link itself stays on the main host: a code that works once takes the guest over, and what their
 * browser holds on the host of a service opens nothing anywhere else (decision 0061).
 */
export type GuestVisits = {
  /** A code for one host, to be shown there within a minute. `browser`: a random value that the guest's browser keeps. */
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
}): GuestVisits {
  /** Of secrets, never of codes. What is not there now never will be: secrets are random. */
  const cache = new LRUCache<string, Known | 'nobody'>({ max: mostKnown });

  function visitOf({ id, shareId, host, browser, startedAt }: Known, at: string): GuestVisit | null {
    const share = host === at ? find(shareId) : undefined;
    const isLive = share !== undefined && (share.expiresAt === null || share.expiresAt > clock.now());
    return isLive ? { id, share, browser, startedAt } : null;
  }

  return {
    async beginVisit({ id }, { host, browser }) {
      const code = newSecret();
      const now = clock.now();
      await store.transaction(async ({ db }) => {
        await deleteOldVisits(db, { shareId: id, codesBefore: now, most: mostOfOneShare - 1 });
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
      const isRedeemed = await store.transaction(({ db }) => redeemVisitRow(db, { ...hashes, host, now }));
      return isRedeemed ? secret : undefined;
    },
    peekVisit(secret, host) {
      const known = cache.get(secret);
      return known === undefined ? undefined : known === 'nobody' ? null : visitOf(known, host);
    },
    async findVisit(secret, host) {
      const row = await findVisitRow(store.db, hashSecret(secret));
      if (row === undefined) {
        cache.set(secret, 'nobody');
        return null;
      }
      const { secret_hash: id, share_id: shareId, browser, started_at: startedAt } = row;
      const known = { id, shareId, host: row.host, browser, startedAt };
      cache.set(secret, known);
      await know(shareId);
      return visitOf(known, host);
    },
  };
}
