import { LRUCache } from 'lru-cache';
import type { Accounts } from '../accounts/index.ts';
import { areaOfKey, type Files, pathOfText } from '../files/index.ts';
import { whoOfGuest } from '../guests/index.ts';
import { type Clock, type Log, type Principal, type Session, type ShareRight, shownName } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import { idsInChange, type Services } from '../services/index.ts';
import type { Shares } from '../shares/index.ts';
import type { Store } from '../store/index.ts';

type Visitor = { principal: Principal; session: Session };

/** A share that is made, ends or is revoked is judged anew wherever something is open by it: of the person, of each member, of guests. */
export function endWithShares(parts: {
  shares: Pick<Shares, 'onChange'>;
  accounts: Pick<Accounts, 'memberIds'>;
  live: Pick<Live, 'rejudge'>;
  log: Log;
}): void {
  const { shares, accounts, live, log } = parts;
  shares.onChange(({ kind, id }) => {
    if (kind !== 'team') return void live.rejudge({ userId: id });
    accounts.memberIds(id).then(
      (ids) => void Promise.all(ids.map((userId) => live.rejudge({ userId }))),
      (error: unknown) => {
        log.error({ err: error }, 'the members of a team could not be read: everything that is open is judged anew');
        void live.rejudge();
      },
    );
  });
}

/** A share of files is of what stood there: see `Standing`. */
export function lookAtShared({
  shares,
  files,
}: {
  shares: Pick<Shares, 'lookBy'>;
  files: Pick<Files, 'standing'>;
}): void {
  shares.lookBy(({ thing, mark }) => {
    const area = areaOfKey(thing.id);
    return area === undefined ? { state: 'gone', mark } : files.standing(area, pathOfText(thing.path), mark);
  });
}

/** A session is noted again after so long. Uses within a minute are one, so nothing is lost. */
const noteAgainMs = 30_000;

/** Who came to a service by a share, and when. Heard with each request, of which most are of a session that was noted a moment ago. */
export function noteUsesOfServices(shares: Pick<Shares, 'noteUse' | 'onChange'>, clock: Clock) {
  /** By the id of a session, which is of one host: when it was noted last. */
  const notedAt = new LRUCache<string, number>({ max: 10_000 });
  // They may come by another one from now on.
  shares.onChange(() => notedAt.clear());
  return ({ principal, session }: Visitor, serviceId: string, address: string): void => {
    const now = clock.now();
    if (Math.abs(now - (notedAt.get(session.id) ?? -Infinity)) < noteAgainMs) return;
    notedAt.set(session.id, now);
    const who = principal.state === 'guest' ? whoOfGuest(session) : principal.id;
    const user = { who, name: shownName(principal), address };
    shares.noteUse(principal, { kind: 'service', id: serviceId, path: '' }, user);
  };
}

/** What was shared of a service ends with it. */
export function endSharesOfServices(parts: {
  store: Pick<Store, 'onChange'>;
  services: Pick<Services, 'find'>;
  shares: Pick<Shares, 'of' | 'endBelow'>;
  log: Log;
}): void {
  const { store, services, shares, log } = parts;
  const endOf = async (id: string): Promise<void> => {
    const service = { kind: 'service', id, path: '' } as const;
    // Of each change of each service: most are shared with nobody, and the store is not asked.
    if (shares.of(service).length === 0 || (await services.find(id)) !== undefined) return;
    await shares.endBelow(service, { actor: 'system', reason: 'deleted' });
  };
  store.onChange('services', (key) => {
    const { id } = idsInChange(key);
    endOf(id).catch((error: unknown) => log.error({ err: error, service: id }, 'its shares were not ended'));
  });
}

/** What shares let somebody do with a service, for the forward path and for explanations of it. */
export function sharesOfServices(
  shares: Pick<Shares, 'rightsOn'>,
): (principal: Principal, serviceId: string) => readonly ShareRight[] | undefined {
  return (principal, id) => shares.rightsOn(principal, { kind: 'service', id, path: '' });
}
