import { type Clock, equalSecrets, hashSecret } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { bindBrowser, findGuestRow, findShareRows, type ShareRow } from './records.ts';
import { shareOf } from './rows.ts';
import type { Share } from './share.ts';

/** What a link is worth to a browser. `unbound`: it works in one browser only, and none has taken it yet. */
export type LinkState =
  { state: 'open' | 'unbound' | 'taken'; share: Share } | { state: 'ended'; share: Share; why: string };

export type GuestLinks = {
  /**
   * The share behind a guest's link. A link for one browser takes the first that shows itself (a random value that the browser
   * keeps), and no other.
   */
  openLink(secret: string, browser: string): Promise<Share | undefined>;
  /** The same question without taking it; undefined for a secret of nothing. */
  lookAtLink(secret: string, browser: string): Promise<LinkState | undefined>;
};

export function createGuestLinks({
  store,
  clock,
  know,
}: {
  store: Store;
  clock: Clock;
  /** Sees to it that a share is known here: another process may have made it a moment ago. */
  know: (id: string) => Promise<void> | undefined;
}): GuestLinks {
  async function lookAt(secret: string, browser: string): Promise<(LinkState & { row: ShareRow }) | undefined> {
    const row = await findGuestRow(store.db, hashSecret(secret));
    if (!row) return undefined;
    const share = shareOf(row);
    if (row.ended_at !== null) return { state: 'ended', share, why: row.ended_why ?? 'revoked', row };
    if (share.expiresAt !== null && share.expiresAt <= clock.now())
      return { state: 'ended', share, why: 'expired', row };
    await know(row.id);
    if (!share.bindsBrowser) return { state: 'open', share, row };
    if (row.browser_hash === null) return { state: 'unbound', share, row };
    return { state: equalSecrets(row.browser_hash, hashSecret(browser)) ? 'open' : 'taken', share, row };
  }

  return {
    async openLink(secret, browser) {
      const found = await lookAt(secret, browser);
      if (found?.state !== 'unbound') return found?.state === 'open' ? found.share : undefined;
      const { row, share } = found;
      const hash = hashSecret(browser);
      if (await bindBrowser(store.db, row.id, hash)) return share;
      const bound = (await findShareRows(store.db, [row.id]))[0]?.browser_hash ?? '';
      return equalSecrets(bound, hash) ? share : undefined;
    },
    async lookAtLink(secret, browser) {
      const found = await lookAt(secret, browser);
      if (!found) return undefined;
      const { row: _, ...state } = found;
      return state;
    },
  };
}
