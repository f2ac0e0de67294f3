/** What people do to shares, each with its words and its way back. */
import { sharesApi } from '#lib/api/shares.ts';
import type { Share } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted } from '#lib/words.ts';
import { readable } from '#lib/files/readable.ts';
import { partyOf, partyWords, thingName } from './words.ts';

const dayMs = 86_400_000;
const marginMs = 60_000;

export const refreshShares = (): Promise<void> => refresh({ topic: 'shares' });

const isLink = (share: Share): boolean => partyOf(share).kind === 'guest';

/** What is said of one that ended. A link does not come back, and its notice says so. */
const endedWords = (share: Share): string =>
  isLink(share)
    ? `The link to “${readable(thingName(share))}” is dead. It cannot be brought back; make a new one if it is needed again.`
    : `“${readable(thingName(share))}” is not shared with ${partyWords(share)} any more.`;

export const shareActs = {
  end: (shares: readonly Share[]): Promise<void> =>
    performOnAll({
      rows: shares,
      nameOf: thingName,
      run: ({ id }) => sharesApi.revoke(id),
      done: (rows) => (rows.length === 1 ? endedWords(rows[0]!) : `${counted(rows.length, 'share', 'shares')} ended.`),
      refresh: refreshShares,
    }),
  /** `days` from now; undefined for no end. */
  setEnd: (share: Share, days: number | undefined): Promise<void> =>
    performOnAll({
      rows: [share],
      nameOf: thingName,
      // A moment less, because the clock of this machine may be ahead of the gateway's, which knows a longest time.
      run: ({ id }) => sharesApi.setEnd(id, days === undefined ? null : Date.now() + days * dayMs - marginMs),
      done: ([row]) =>
        `What ${partyWords(row!)} has of “${readable(thingName(row!))}” ends ${
          days === undefined ? 'when it is ended' : `in ${counted(days, 'day', 'days')}`
        }.`,
      refresh: refreshShares,
    }),
  giveBack: (shares: readonly Share[]): Promise<void> =>
    performOnAll({
      rows: shares,
      nameOf: thingName,
      run: ({ id }) => sharesApi.revoke(id),
      done: (rows) =>
        `${rows.map((row) => `“${readable(thingName(row))}”`).join(', ')} is not shared with you any more.`,
      refresh: refreshShares,
    }),
};
