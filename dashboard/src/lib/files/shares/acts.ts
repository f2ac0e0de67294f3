/** What people do to shares, each with its words and its way back. */
import { sharesApi } from '#lib/api/shares.ts';
import type { Share } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted } from '#lib/words.ts';
import { readable } from '#lib/files/readable.ts';
import { expiryIn } from '#lib/shares/wish.ts';
import { endedWords, partyWords } from '#lib/shares/words.ts';
import { thingName } from './words.ts';

export const refreshShares = (): Promise<void> => refresh({ topic: 'shares' });

const quoted = (share: Share): string => `“${readable(thingName(share))}”`;

export const shareActs = {
  end: (shares: readonly Share[]): Promise<void> =>
    performOnAll({
      rows: shares,
      nameOf: thingName,
      run: ({ id }) => sharesApi.revoke(id),
      done: (rows) =>
        rows.length === 1
          ? endedWords(rows[0]!, quoted(rows[0]!))
          : `${counted(rows.length, 'share', 'shares')} ended.`,
      refresh: refreshShares,
    }),
  /** `days` from now; undefined for no end. */
  setEnd: (share: Share, days: number | undefined): Promise<void> =>
    performOnAll({
      rows: [share],
      nameOf: thingName,
      run: ({ id }) => sharesApi.setEnd(id, expiryIn(days)),
      done: ([row]) =>
        `What ${partyWords(row!)} has of ${quoted(row!)} ends ${
          days === undefined ? 'when it is ended' : `in ${counted(days, 'day', 'days')}`
        }.`,
      refresh: refreshShares,
    }),
  giveBack: (shares: readonly Share[]): Promise<void> =>
    performOnAll({
      rows: shares,
      nameOf: thingName,
      run: ({ id }) => sharesApi.revoke(id),
      done: (rows) => `${rows.map(quoted).join(', ')} is not shared with you any more.`,
      refresh: refreshShares,
    }),
};
