/** Shares of a service in words, and what is done to them. */
import { servicesApi } from '#lib/api/services.ts';
import type { Service, ServiceShare } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { expiryIn, type RightChoice } from '#lib/shares/wish.ts';
import { endedWords, partyWords } from '#lib/shares/words.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';

type Right = ServiceShare['right'];

export const serviceRights: readonly RightChoice<Right>[] = [
  { value: 'view', label: 'Look at it' },
  { value: 'open', label: 'Use it' },
];

export const rightWords: Record<Right, string> = {
  view: 'may look at it and change nothing',
  open: 'may use it',
};

type Caller = ServiceShare['uses'][number] & { by: ServiceShare };

/** Who came, by whichever share, last first. */
export function callersOf(shares: readonly ServiceShare[]): Caller[] {
  return shares
    .flatMap((share) => share.uses.map((use) => ({ ...use, by: share })))
    .sort((a, b) => b.lastAt - a.lastAt);
}

/** Both: what this page shows of shares, and how the service is told. */
export const refreshShares = ({ id }: Pick<Service, 'id'>): Promise<void> =>
  refresh({ topic: 'shares' }, { topic: 'services', id });

export const serviceShareActs = {
  end: (service: Service, share: ServiceShare): Promise<void> =>
    performOnAll({
      rows: [share],
      nameOf: partyWords,
      run: ({ id }) => servicesApi.endShare(service.id, id),
      done: () => endedWords(share, service.name),
      refresh: () => refreshShares(service),
    }),
  /** `days` from now; undefined for no end. */
  setEnd: (service: Service, share: ServiceShare, days: number | undefined): Promise<void> =>
    performOnAll({
      rows: [share],
      nameOf: () => service.name,
      run: ({ id }) => servicesApi.setShareEnd(service.id, id, expiryIn(days)),
      done: () =>
        days === undefined ? 'It has no end any more.' : `It ends in ${days === 1 ? 'one day' : `${days} days`}.`,
      refresh: () => refreshShares(service),
    }),
};
