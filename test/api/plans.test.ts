import { symlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { GivenPlan, OwnerPlanPage, PersonAccess, PlanList } from '../../gateway/api/contract.ts';
import { openHouse } from './house.ts';

/** The house has the plans `small` (1 kB, default of people) and `large` (no limit). */
async function given() {
  const house = await openHouse(t);
  const ann = await house.person('ann', { isAdmin: true });
  const bob = await house.person('bob');
  await house.person('carl');
  const by = { name: 'test' };
  const physics = await house.accounts.createTeam({ name: 'physics', title: 'Physics' }, by);
  await house.accounts.setMember(physics.id, bob.id, 'manager', by);
  const as = (who: 'ann' | 'bob', method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, body?: object) =>
    house.call({ method, url, ...(body && { body }), cookie: { ann, bob }[who].cookie });
  const put = (area: string, name: string, size: number) =>
    house.call({
      method: 'PUT',
      url: `/files/${area}/${name}`,
      body: 'x'.repeat(size),
      cookie: bob.cookie,
      headers: { 'content-type': 'application/octet-stream' },
    });
  const list = async (query = '') => (await as('ann', 'GET', `/plans/owners${query}`)).json as OwnerPlanPage;
  return { ...house, as, put, list, ann, bob };
}

t.test('an admin sees who has which plan, the fullest first, and those over it counted', async (t) => {
  const { as, put, list } = await given();
  t.equal((await put('private', 'a', 800)).status, 201);
  t.equal((await put('team%3Aphysics', 'b', 3000)).status, 201);
  const names = ({ owners }: OwnerPlanPage) => owners.map(({ name }) => name);
  const everyone = await list();
  t.same(names(everyone), ['bob', 'ann', 'carl', 'physics'], 'what has no limit is never full');
  t.same(everyone.counts, { user: 3, team: 1, over: 0 });
  t.match(everyone.owners[0], { kind: 'user', bytes: 800, plan: { plan: { name: 'small' }, source: 'default' } });
  t.same(
    ((await as('ann', 'GET', '/plans')).json as PlanList).plans.map(({ name, people, teams }) => [name, people, teams]),
    [
      ['small', 3, 0],
      ['large', 0, 0],
    ],
  );

  await as('ann', 'PUT', '/owners/physics/plan', { plan: 'small' });
  t.same(names(await list()), ['physics', 'bob', 'ann', 'carl'], 'a quota lowered below use comes first');
  t.same(names(await list('?isOver=true')), ['physics']);
  t.same((await list('?q=b')).counts, { user: 1, team: 0, over: 0 });
  t.same(names(await list('?kind=user&sort=-name')), ['carl', 'bob', 'ann']);
  t.same(names(await list('?sort=-bytes&limit=2&page=2')), ['carl', 'ann']);
  t.same(names(await list('?plan=large')), []);
});

t.test('a gift is answered with its way back, which is refused after another gift', async (t) => {
  const { as } = await given();
  const first = (await as('ann', 'PUT', '/owners/bob/plan', { plan: 'large' })).json as GivenPlan;
  t.match(first, { plan: { name: 'large' }, source: 'given', undo: { plan: null, undoes: 'large' } });
  t.match((await as('ann', 'PUT', '/owners/bob/plan', first.undo)).json, { source: 'default' });
  const second = (await as('ann', 'PUT', '/owners/bob/plan', { plan: 'large' })).json as GivenPlan;
  await as('ann', 'PUT', '/owners/bob/plan', { plan: 'small' });
  t.match(await as('ann', 'PUT', '/owners/bob/plan', second.undo), {
    status: 409,
    json: { code: 'KNOT_OWNERS_CHANGED' },
  });
});

t.test('an admin sees how large the files of others are and removes them, and does not enter', async (t) => {
  const { as, put, audit, allowance, folderOfFiles, bob } = await given();
  allowance.limit = 1000;
  for (const name of ['a', '%F0%9F%8D%B0%0A']) t.equal((await put('private', name, 200)).status, 201, name);
  // As a notebook may: a name that is no text, and a link that leads out.
  const folder = Buffer.from(`${folderOfFiles}/private/${bob.id}/`);
  writeFileSync(Buffer.concat([folder, Buffer.from([0xff])]), '');
  symlinkSync('/etc/passwd', `${String(folder)}out`);
  t.match((await as('ann', 'GET', '/owners/bob/files')).json, { bytes: 400, limit: 1000, trashDays: 30 });
  t.equal((await as('ann', 'GET', '/files/user%3Abob')).status, 403);
  t.same((await as('ann', 'DELETE', '/owners/bob/files')).json, { removed: 4, freed: 0 });
  const { trash } = (await as('bob', 'GET', '/files/private?list=trash')).json as {
    trash: { path: string; id: string }[];
  };
  t.equal(trash.length, 4, 'their owner finds them in the trash');
  t.equal((await as('bob', 'POST', '/files/private?op=restore', { id: trash[0]!.id })).status, 200);
  t.match((await as('ann', 'DELETE', '/owners/bob/files?forGood=true')).json, { removed: 1, freed: 400 });
  t.match((await as('ann', 'GET', '/owners/bob/files')).json, { bytes: 0 });
  t.same((await as('ann', 'DELETE', '/owners/physics/files')).json, { removed: 0, freed: 0 });
  t.equal((await as('bob', 'DELETE', '/owners/ann/files')).status, 403);
  const acts = (await audit.list({ actor: 'ann', limit: 3 })).map(({ action }) => action);
  t.same(acts, ['files.trashed', 'files.removed', 'files.trashed']);
});

t.test('an admin sees what somebody may open, and the rule that decides', async (t) => {
  const { as, accounts, bob } = await given();
  const ask = async () => ((await as('ann', 'GET', '/users/bob/access')).json as PersonAccess).routes;
  const rulesOf = async () =>
    Object.fromEntries(
      (await ask()).map(({ name, effect, rules }) => [name, [effect, ...rules.map(({ rule }) => rule)]]),
    );
  t.same(await rulesOf(), {
    echo: ['allow', 'tools-for-everyone'],
    jupyterhub: ['allow', 'tools-for-everyone'],
    vault: ['deny'],
  });
  await accounts.setState(bob.id, 'disabled', { name: 'test' });
  t.match(await rulesOf(), { echo: ['deny', 'only-active-accounts'] });
});

t.test('admins, too, may ask for their own teams alone', async (t) => {
  const { as } = await given();
  t.match((await as('ann', 'GET', '/teams?isMine=true')).json, { teams: [], total: 0 });
  t.match((await as('ann', 'GET', '/teams')).json, { total: 1 });
  t.match((await as('bob', 'GET', '/teams?isMine=true')).json, { total: 1 });
});
