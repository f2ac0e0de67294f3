import t from 'tap';
import { createAreaQuestions } from '../../gateway/api/areas.ts';
import { type Call, openHouse } from './house.ts';

/** Who may share what: max manages physics, mia is in it, bob is not, ann administers. */
async function given() {
  const house = await openHouse(t);
  const people = {
    ann: await house.person('ann', { isAdmin: true }),
    max: await house.person('max'),
    mia: await house.person('mia'),
    bob: await house.person('bob'),
  };
  type Who = keyof typeof people;
  const team = await house.accounts.createTeam({ name: 'physics', title: 'Physics' }, { name: 'ann' });
  await house.accounts.setMember(team.id, people.max.id, 'manager', { name: 'ann' });
  await house.accounts.setMember(team.id, people.mia.id, 'member', { name: 'ann' });
  const as = (who: Who, call: Call) => house.call({ ...call, cookie: people[who].cookie });
  const share = (who: Who, body: object) => as(who, { method: 'POST', url: '/shares', body });
  const list = async (who: Who) =>
    (await as(who, { url: '/shares' })).json as Record<
      'given' | 'received',
      { id: string; area: string; with: string }[]
    >;
  for (const path of ['run7', 'x', 'x/below', 'run8'])
    if ((await as('bob', { method: 'POST', url: `/files/private/${path}?op=mkdir`, body: {} })).status !== 201)
      throw new Error(`${path} was not made`);
  return { ...house, people, as, share, list };
}

t.test('people share their own, managers what is of the team, and nobody anything else', async (t) => {
  const { share, list } = await given();
  const own = await share('bob', { area: 'private', path: 'run7', with: 'user:mia', right: 'edit' });
  t.match(own, { status: 201, json: { share: { area: 'private', path: 'run7', with: 'user:mia', expiresAt: null } } });
  t.notOk('secret' in own.json);
  t.match(await share('max', { area: 'team:physics', with: 'user:bob', right: 'view' }), { status: 201 });
  for (const [who, area] of [
    ['mia', 'team:physics'],
    ['ann', 'team:physics'],
    ['bob', 'team:physics'],
    ['ann', 'user:bob'],
  ] as const)
    t.match(
      await share(who, { area, with: 'user:bob', right: 'view' }),
      { status: 403, json: { code: 'KNOT_API_DENIED' } },
      `${who} ${area}`,
    );
  for (const area of ['shared', 'admin', 'team:nobody', 'nonsense'])
    t.match(
      await share('ann', { area, with: 'user:mia', right: 'view' }),
      { status: 404, json: { code: 'KNOT_API_NO_AREA' } },
      area,
    );
  for (const whom of ['user:nobodyhere', 'team:bob', 'user:physics', 'bob', 'everyone'])
    t.match(
      await share('bob', { area: 'private', with: whom, right: 'view' }),
      { status: 400, json: { code: 'KNOT_API_NO_PARTY' } },
      whom,
    );
  t.match(await list('bob'), { given: [{ area: 'private', with: 'user:mia' }], received: [{ area: 'team:physics' }] });
  t.match(await list('mia'), { given: [], received: [{ area: 'user:bob', path: 'run7' }] });
  t.match(await list('max'), { given: [{ area: 'team:physics', with: 'user:bob' }], received: [] });
  t.same(await list('ann'), { given: [], received: [] });
});

t.test('a link is told once, gives less, lasts a while, and only folders take what is handed in', async (t) => {
  const { share, list, as, people, call } = await given();
  const body = { area: 'private', path: 'x', with: 'guest', right: 'upload', days: 7, bindsBrowser: true };
  const made = await share('bob', body);
  t.match(made, { status: 201, json: { share: { with: 'guest', kind: 'folder', bindsBrowser: true, uses: [] } } });
  t.match(made.json['url'], /^https:\/\/localhost:8443\/s\/[\w-]{43}$/);
  const secret = String(made.json['url']).slice(-43);
  t.match(await list('bob'), { given: [{ with: 'guest', address: 'x', owner: { kind: 'user', name: 'bob' } }] });
  t.notOk(JSON.stringify(await list('bob')).includes(secret));
  await call({ method: 'PUT', url: '/files/private/f', body: 'f', cookie: people.bob.cookie });
  for (const [more, code] of [
    [{ right: 'edit' }, 'KNOT_SHARES_RIGHT'],
    [{ days: undefined }, 'KNOT_SHARES_DAYS'],
    [{ days: 91 }, 'KNOT_SHARES_DAYS'],
    [{ path: 'nothing' }, 'KNOT_FILES_NOT_FOUND'],
    [{ path: 'f' }, 'KNOT_API_NOT_SHARED'],
    [{ path: '../x' }, 'KNOT_SHARES_PATH'],
    [{ area: 'shared' }, 'KNOT_API_NO_AREA'],
  ] as const)
    t.match((await share('bob', { ...body, ...more })).json, { code }, JSON.stringify(more));
  t.match(await share('mia', { ...body, area: 'user:bob' }), { status: 403 });
  t.match(await as('bob', { url: '/shares?area=private&address=x' }), { json: { given: [{ path: 'x' }] } });
  t.match(await as('bob', { url: '/shares?area=private&address=run7' }), { json: { given: [] } });
});

t.test('a name that addresses spell in another way is shared as what it is', async (t) => {
  const { share, as } = await given();
  const made = await as('bob', { method: 'POST', url: '/files/private/odd%EF%80%AE?op=mkdir', body: {} });
  t.match(made, { status: 201, json: { entry: { name: 'odd.' } } });
  for (const path of ['odd.', 'odd\uf02e'])
    t.match(await share('bob', { area: 'private', path, with: 'user:mia', right: 'view' }), {
      status: 201,
      json: { share: { path: 'odd.', address: 'odd%EF%80%AE', kind: 'folder' } },
    });
  t.equal((await as('mia', { url: '/files/user:bob/odd%EF%80%AE' })).status, 200);
  t.equal((await share('bob', { area: 'private', path: '\uf02e\uf02e', with: 'user:mia', right: 'view' })).status, 400);
});

t.test('the end of a share is moved and taken back by who may share it, not by whom it was taken from', async (t) => {
  const { share, as, list, shares, clock } = await given();
  const made = await share('bob', { area: 'private', path: 'x', with: 'user:mia', right: 'view' });
  const { id } = made.json['share'] as { id: string };
  const inDays = (days: number | null) => (days === null ? null : clock.now() + days * 86_400_000);
  const change = (who: 'bob' | 'mia' | 'ann', days: number | null) =>
    as(who, { method: 'PATCH', url: `/shares/${id}`, body: { expiresAt: inDays(days) } });
  t.match(await change('bob', 2), { status: 200, json: { share: { id, expiresAt: Number } } });
  t.match(await change('bob', null), {
    status: 200,
    json: { share: { expiresAt: null }, undo: { expiresAt: inDays(2) } },
  });
  t.equal((await change('bob', -1)).status, 400);
  for (const who of ['mia', 'ann'] as const) t.equal((await change(who, 3)).status, 404, who);
  const restore = (who: 'bob' | 'mia' | 'ann') => as(who, { method: 'PUT', url: `/shares/${id}`, body: { share: id } });
  const remove = (who: 'bob' | 'mia') => as(who, { method: 'DELETE', url: `/shares/${id}` });
  t.equal((await restore('bob')).status, 404, 'it lives');
  t.match(await remove('bob'), { status: 200, json: { undo: { share: id } } });
  for (const who of ['mia', 'ann'] as const) t.equal((await restore(who)).status, 404, who);
  t.match(await restore('bob'), { status: 200, json: { share: { id, with: 'user:mia' } } });
  t.match(await list('mia'), { received: [{ id, kind: 'folder' }] });
  t.equal((await remove('mia')).status, 200, 'given back');
  t.match(await restore('mia'), { status: 200, json: { share: { uses: [] } } });
  t.ok(shares.find(id));
});

t.test('somebody whom a folder is shared with sees it as the root, and who looked is told', async (t) => {
  const { share, as, list, shares } = await given();
  await share('bob', { area: 'private', path: 'x', with: 'user:mia', right: 'view' });
  t.match(await as('mia', { url: '/files/user:bob/x/below' }), {
    status: 200,
    json: { root: 'x', address: 'x/below', rights: { canRead: true, canAdd: false, canShare: false } },
  });
  t.notOk('root' in (await as('bob', { url: '/files/private/x/below' })).json);
  t.equal((await as('mia', { url: '/files/user:bob/' })).status, 403);
  await shares.flush();
  t.match((await list('bob')).given, [{ uses: [{ name: 'mia', times: 1 }] }]);
});

t.test('a share ends by who may share it or has it, and for everybody else there is none', async (t) => {
  const { share, as, list } = await given();
  const make = async () =>
    (
      (await share('bob', { area: 'private', path: 'x', with: 'user:mia', right: 'view' })).json['share'] as {
        id: string;
      }
    ).id;
  const remove = (who: 'ann' | 'max' | 'mia' | 'bob', id: string) =>
    as(who, { method: 'DELETE', url: `/shares/${id}` });
  const first = await make();
  for (const who of ['max', 'ann'] as const)
    t.match(await remove(who, first), { status: 404, json: { code: 'KNOT_SHARES_NONE' } });
  t.equal((await remove('bob', first)).status, 200);
  t.equal((await remove('bob', first)).status, 404);
  t.equal((await remove('mia', await make())).status, 200, 'who has it may give it back');
  t.same(await list('mia'), { given: [], received: [] });
});

t.test('what is shared is allowed by the policies, by path, and no longer than the share', async (t) => {
  const { share, as, policy, shares, accounts, people, store } = await given();
  const { createOwners } = await import('../../gateway/owners/index.ts');
  const owners = createOwners({ store, findOwner: accounts.findOwner });
  t.teardown(() => owners.close());
  const context = { method: 'GET', host: 'localhost', path: '/', address: '192.0.2.1', isUpgrade: false };
  const { decideArea } = createAreaQuestions({
    decide: (_request, question) => policy.decide({ ...question, context } as never),
    demand: () => undefined,
    shares,
  });
  const mia = (await accounts.principal(people.mia.id))!;
  const area = (await owners.area('user:bob', mia))!;
  const may = (action: 'listFiles' | 'readFiles' | 'writeFiles' | 'share', path: string, token?: object) =>
    decideArea({ identity: { ...(token && { token }) } } as never, { principal: mia, action, area, path }).effect;
  t.equal(may('readFiles', 'run7'), 'deny');
  const made = await share('bob', { area: 'private', path: 'run7', with: 'user:mia', right: 'view' });
  t.equal(may('readFiles', 'run7/a.csv'), 'allow');
  t.equal(may('listFiles', 'run7'), 'allow');
  t.equal(may('writeFiles', 'run7/a.csv'), 'deny');
  t.equal(may('share', 'run7'), 'deny', 'what is shared is not shared on');
  t.equal(may('readFiles', 'run8'), 'deny');
  t.equal(may('listFiles', ''), 'deny');
  t.equal(may('readFiles', 'run7', { allows: () => false }), 'deny', 'a token without the scope');
  t.equal(may('readFiles', 'run7', { allows: () => true }), 'allow');
  await as('bob', { method: 'DELETE', url: `/shares/${(made.json['share'] as { id: string }).id}` });
  t.equal(may('readFiles', 'run7/a.csv'), 'deny');
});

t.test('what is open by a share is judged again when it ends: of the person, of each member, of guests', async (t) => {
  const { share, as, live, people } = await given();
  const judged: string[] = [];
  const openAs = (userId: string, username: string) =>
    live.open({
      kind: 'events',
      sessionId: `s-${username}`,
      userId,
      username,
      host: 'localhost',
      isStillAllowed: async () => {
        judged.push(username);
        return true;
      },
      close: () => undefined,
    });
  openAs(people.mia.id, 'mia');
  openAs(people.max.id, 'max');
  openAs(people.ann.id, 'ann');
  const end = async (whom: string) => {
    const made = await share('bob', { area: 'private', path: 'x', with: whom, right: 'view', days: 1 });
    const { id } = made.json['share'] as { id: string };
    if (whom === 'guest') openAs(`guest:${id}`, 'guest');
    await new Promise((resolve) => setImmediate(resolve));
    judged.length = 0;
    await as('bob', { method: 'DELETE', url: `/shares/${id}` });
    const { eventually } = await import('../support/eventually.ts');
    await eventually(`somebody is judged for ${whom}`, () => judged.length > 0);
    return [...new Set(judged)].sort();
  };
  t.same(await end('user:mia'), ['mia']);
  t.same(await end('team:physics'), ['max', 'mia']);
  t.same(await end('guest'), ['guest']);
});

t.test(
  'somebody reads what is shared with them, is named as who came, and has nothing of what lies there next',
  async (t) => {
    const { as, share, shares, list, call, people } = await given();
    const put = (path: string, text: string) =>
      call({
        method: 'PUT',
        url: `/files/private/${path}`,
        body: text,
        cookie: people.bob.cookie,
        headers: { 'content-type': 'application/octet-stream' },
      });
    t.equal((await put('report.csv', 'first')).status, 201);
    const get = () => as('mia', { url: '/files/user:bob/report.csv' });
    t.equal((await get()).status, 403, 'before');
    await share('bob', { area: 'private', path: 'report.csv', with: 'user:mia', right: 'view' });
    const read = await get();
    t.match({ status: read.status, text: read.text }, { status: 200, text: 'first' });
    await shares.flush();
    t.match((await list('bob')).given, [{ uses: [{ name: 'mia' }] }], 'who came is told');

    const moved = await as('bob', {
      method: 'POST',
      url: '/files/private/report.csv?op=move',
      body: { to: 'private/elsewhere.csv' },
    });
    t.equal(moved.status, 200, moved.text);
    t.equal((await put('report.csv', 'another')).status, 201);
    t.equal((await get()).status, 403, 'the share did not stay with the place');
    t.equal((await as('mia', { url: '/files/user:bob/elsewhere.csv' })).status, 403, 'nor go with the file');

    await share('bob', { area: 'private', path: 'report.csv', with: 'user:mia', right: 'view' });
    t.equal((await get()).text, 'another');
    t.equal((await as('bob', { method: 'DELETE', url: '/files/private/report.csv' })).status, 200);
    t.equal((await put('report.csv', 'third')).status, 201);
    t.equal((await get()).status, 403, 'deleting ends it as well');
  },
);
