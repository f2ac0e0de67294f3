import type { Test } from 'tap';
import { type Principal, silentLog } from '../../gateway/lib/index.ts';
import { createShares, type NewShare, type Shares } from '../../gateway/shares/index.ts';
import { openTestFacts } from '../support/house/facts.ts';
import type { OpenDatabase } from '../support/house/stores.ts';
import { person } from '../policy/support.ts';

export const day = 86_400_000;
export const by = { actor: 'ann', address: '192.0.2.7' };

/** Shares of a store and the same in another process (`elsewhere`); ann, who shares `results`, bob, and a team. */
export async function given(t: Test, openOne: OpenDatabase) {
  const { store, clock, openAgain } = await openOne(t);
  const facts = await openTestFacts(t, { store, clock });
  const { accounts, audit, shares } = facts;
  const elsewhere = createShares({ store: await openAgain(), clock, record: audit.record, log: silentLog });
  t.teardown(() => elsewhere.close());
  await shares.load();
  await elsewhere.load();
  const admin = { name: 'root-admin' };
  const add = (username: string) =>
    accounts.createUser({ username, email: `${username}@x.org`, state: 'active' }, admin);
  const [ann, bob] = [await add('ann'), await add('bob')];
  const team = await accounts.createTeam({ name: 'physics', title: 'Physics' }, admin);
  const asBob = (more: Partial<Principal> = {}) => person('bob', { id: bob.id, ...more });
  const area = (path: string) => ({ kind: 'files', id: `private/${ann.id}`, path }) as const;
  const withBob = { kind: 'user', id: bob.id, name: 'bob' } as const;
  const withTeam = { kind: 'team', id: team.id, name: 'physics' } as const;
  const wanted = (more: Partial<NewShare> = {}): NewShare => ({
    thing: area('results'),
    owner: { kind: 'user', id: ann.id },
    party: withBob,
    right: 'view',
    ...more,
  });
  const share = async (more: Partial<NewShare> = {}) => shares.create(wanted(more), by);
  const rights = (who: Principal, path: string, on: Shares = shares) => on.rightsOn(who, area(path));
  return {
    ...facts,
    elsewhere,
    ann,
    bob,
    team,
    asBob,
    area,
    withBob,
    withTeam,
    share,
    rights,
    admin,
    add,
  };
}
