import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { createRoutes, socketUpstream } from '../../gateway/routes/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';
import { hub, route } from './support.ts';

const clock = createManualClock();

async function open(t: Test, url = 'sqlite::memory:'): Promise<Store> {
  const store = await openStore({ url, clock, log: silentLog });
  t.teardown(() => store.close());
  return store;
}

t.test('routes are found by exact host', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  t.strictSame(routes.list(), []);
  await routes.replace('integration', [hub]);
  await routes.replace('app', [route('echo'), route('atlas')]);
  t.strictSame(
    routes.list().map(({ name }) => name),
    ['atlas', 'echo', 'jupyterhub'],
  );
  t.strictSame(routes.find('jupyterhub.localhost'), hub);
  for (const host of [
    'JupyterHub.localhost',
    'jupyterhub',
    'jupyterhub.localhost:8443',
    'x.jupyterhub.localhost',
    'localhost',
    '',
    '__proto__',
  ]) {
    t.equal(routes.find(host), undefined, host);
  }
});

t.test('replacing removes what is gone, keeps what is the same and tells of what changed', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  let heard = 0;
  routes.onChange(() => (heard += 1));
  const announced: string[] = [];
  store.onChange('routes', (host) => announced.push(host));

  await routes.replace('integration', [hub]);
  await routes.replace('app', [route('echo'), route('atlas')]);
  const echo = routes.find('echo.localhost');
  const createdAt = async (): Promise<number | undefined> =>
    (await store.db.selectFrom('routes').select('created_at').where('host', '=', 'atlas.localhost').executeTakeFirst())
      ?.created_at;
  const first = await createdAt();
  t.equal(heard, 2);

  announced.length = 0;
  clock.advance(1000);
  // The same values with their keys in another order are the same route.
  const { host, ...rest } = route('echo');
  await routes.replace('app', [{ ...rest, host }, route('atlas')]);
  t.strictSame(announced, [], 'nothing was written');
  t.equal(heard, 2);

  await routes.replace('app', [route('echo'), route('atlas', { title: 'Atlas' })]);
  t.strictSame(announced, ['atlas.localhost']);
  t.equal(routes.find('atlas.localhost')?.title, 'Atlas');
  t.equal(await createdAt(), first, 'it is still the same route');
  t.equal(routes.find('echo.localhost'), echo, 'the same object, so that pools made for it stay');

  announced.length = 0;
  await routes.replace('app', [route('echo')]);
  t.strictSame(announced, ['atlas.localhost']);
  t.equal(routes.find('atlas.localhost'), undefined);
  t.ok(routes.find('jupyterhub.localhost'), 'routes of another kind stay');
  t.equal(heard, 4);
});

t.test('two routes may swap their names', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  await routes.replace('app', [route('a', { title: 'one' }), route('b', { title: 'two' })]);
  await routes.replace('app', [route('a', { title: 'two' }), route('b', { title: 'one' })]);
  t.equal(routes.find('a.localhost')?.title, 'two');
  await routes.replace('app', [route('b', { host: 'b.example.org' })]);
  t.equal(routes.find('b.localhost'), undefined);
  t.ok(routes.find('b.example.org'), 'a new domain');
});

t.test('a host has one holder; the refusal names both and changes nothing', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  await routes.replace('integration', [hub]);
  await routes.replace('app', [route('echo')]);
  const before = JSON.stringify(routes.list());
  await t.rejects(routes.replace('app', [route('atlas'), route('jupyterhub')]), {
    code: 'KNOT_ROUTES_HOST_TAKEN',
    statusCode: 409,
    message:
      'The host jupyterhub.localhost belongs to the integration "jupyterhub"; the app "jupyterhub" cannot have it too.',
  });
  await t.rejects(routes.replace('app', [route('jupyterhub', { host: 'jupyterhub.example.org' })]), {
    code: 'KNOT_ROUTES_HOST_TAKEN',
  });
  await t.rejects(routes.replace('app', [route('x', { title: 'One' }), route('x', { title: 'Two' })]), {
    code: 'KNOT_ROUTES_HOST_TAKEN',
    message: /app "One"; the app "Two"/,
  });
  await t.rejects(routes.replace('integration', [route('echo')]), { code: 'KNOT_ROUTES_INVALID', message: /kind app/ });
  t.equal(JSON.stringify(routes.list()), before);
});

t.test('a route that breaks the rules is refused before anything is written', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  const bad: [string, Parameters<typeof route>[1]][] = [
    ['host', { host: 'Echo.localhost' }],
    ['host', { host: 'other.localhost' }],
    ['host', { host: 'echo' }],
    ['host', { host: 'echo.localhost:8443' }],
    ['host', { host: 'echo..localhost' }],
    ['host', { host: 'echo.localhost.' }],
    ['host', { host: 'echo.0.0.1' }],
    ['name', { name: 'e_cho' }],
    ['name', { name: '' }],
    ['audience', { audience: 'all' as 'everyone' }],
    ['title', { title: '' }],
    ['ownedPrefixes', { ownedPrefixes: ['/'] }],
    ['ownedPrefixes', { ownedPrefixes: ['/user'] }],
    ['ownedPrefixes', { ownedPrefixes: ['/a/../b/'] }],
    ['ownedPrefixes', { ownedPrefixes: ['//user/'] }],
    ['ownedPrefixes', { ownedPrefixes: ['/us%65r/'] }],
    ['untouchedPrefixes', { untouchedPrefixes: ['v2/'] }],
    ['untouchedPrefixes', { untouchedPrefixes: ['/v2/*'] }],
    ['switches.methods', { switches: { encodedSlash: false, methods: ['get'] } }],
    ['service', { service: { id: '1', label: 'echo', owner: 'ann', isTeam: false } }],
    ['service', { kind: 'service' }],
    ['service.owner', { kind: 'service', service: { id: '1', label: 'echo', owner: 'Ann', isTeam: false } }],
    ['service.label', { kind: 'service', service: { id: '1', label: 'a/b', owner: 'ann', isTeam: false } }],
    ['upstream', { upstream: socketUpstream('/run/x.sock') }],
  ];
  for (const [field, facts] of bad) {
    await t.rejects(
      routes.replace('app', [route('echo', facts)]),
      { code: 'KNOT_ROUTES_INVALID', details: { field } },
      JSON.stringify(facts),
    );
  }
  const upstreams = [
    { hostname: 'user@h' },
    { hostname: 'h%2e' },
    { hostname: 'bücher' },
    { hostname: '::1%eth0' },
    { hostname: '127.1' },
    { hostname: '127.0.0.1' },
    { hostname: 'localhost' },
    { port: 0 },
    { port: 1.5 },
    { port: 70000 },
    { protocol: 'file:' as 'http:' },
    { hostname: 'h/x' },
    { hostname: '' },
  ];
  for (const facts of upstreams) {
    const upstream = { ...route('echo').upstream, ...facts };
    await t.rejects(
      routes.replace('app', [route('echo', { upstream })]),
      { code: 'KNOT_ROUTES_UPSTREAM_INVALID' },
      JSON.stringify(facts),
    );
  }
  t.strictSame(await store.db.selectFrom('routes').selectAll().execute(), []);
});

t.test('a second process on the store hears of changes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-routes-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const url = `sqlite:${join(folder, 'knot.db')}`;
  const one = await createRoutes({ store: await open(t, url), clock, log: silentLog });
  const two = await createRoutes({ store: await open(t, url), clock, log: silentLog });
  let isTold = false;
  two.onChange(() => (isTold = true));
  await one.replace('app', [route('echo')]);
  await eventually('the other one is told', () => isTold);
  t.strictSame(two.find('echo.localhost'), route('echo'));
  const third = await createRoutes({ store: await open(t, url), clock, log: silentLog });
  t.ok(third.find('echo.localhost'), 'and one that starts later reads them');
});

t.test('one route is put and removed by its host; others are neither read nor told of', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  await routes.replace('app', [route('echo'), route('atlas')]);
  const echo = routes.find('echo.localhost');
  const told: string[] = [];
  routes.onChange((changes) => {
    for (const { host, before, after } of changes)
      told.push(`${host}: ${before?.title ?? '-'} > ${after?.title ?? '-'}`);
  });
  // Whoever reads more than what was told of would find this.
  await store.db.updateTable('routes').set({ record: '{' }).where('host', '=', 'echo.localhost').execute();

  await routes.put(route('lab', { title: 'Lab' }));
  t.equal(routes.find('lab.localhost')?.title, 'Lab');
  await routes.put(route('lab', { title: 'Laboratory' }));
  await routes.put(route('lab', { title: 'Laboratory' }));
  t.equal(routes.find('lab.localhost')?.title, 'Laboratory');
  t.strictSame(
    routes.list().map(({ name }) => name),
    ['atlas', 'echo', 'lab'],
  );
  t.equal(await routes.remove('lab.localhost'), true);
  t.equal(await routes.remove('lab.localhost'), false);
  t.equal(routes.find('lab.localhost'), undefined);
  t.strictSame(told, ['lab.localhost: - > Lab', 'lab.localhost: Lab > Laboratory', 'lab.localhost: Laboratory > -']);
  t.equal(routes.find('echo.localhost'), echo);
});

t.test('a route is not put where another one is', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  await routes.replace('integration', [hub]);
  await routes.replace('app', [route('echo')]);
  const before = JSON.stringify(routes.list());
  for (const taken of [
    route('jupyterhub'),
    route('jupyterhub', { host: 'jupyterhub.example.org' }),
    route('echo', { host: 'echo.example.org' }),
    route('echo', { kind: 'integration' }),
  ]) {
    await t.rejects(
      routes.put(taken),
      { code: 'KNOT_ROUTES_HOST_TAKEN', statusCode: 409 },
      `${taken.kind} ${taken.host}`,
    );
  }
  await t.rejects(routes.put(route('a', { host: 'b.localhost' })), { code: 'KNOT_ROUTES_INVALID' });
  t.equal(JSON.stringify(routes.list()), before);
});

t.test('more routes than a statement takes values are replaced at once, and what differs is told', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  const all = Array.from({ length: 20_000 }, (_, n) => route(`r${n}`));
  let told: string[] = [];
  routes.onChange((changes) => (told = changes.map(({ host }) => host)));
  await routes.replace('app', all);
  t.equal(told.length, 20_000);
  told = [];
  await routes.replace(
    'app',
    [...all.slice(0, -1), route('r7', { title: 'Seven' })].filter((_, index) => index !== 7),
  );
  t.strictSame(told.sort(), ['r19999.localhost', 'r7.localhost']);
});

t.test('what another process puts is found within a second, and what was missed in a gap', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-routes-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const url = `sqlite:${join(folder, 'knot.db')}`;
  const [here, there] = [await open(t, url), await open(t, url)];
  const gapListeners = new Set<() => void>();
  const onGap = (listener: () => void) => (gapListeners.add(listener), () => undefined);
  const routes = await createRoutes({ store: { ...here, onGap }, clock, log: silentLog });
  const others = await createRoutes({ store: there, clock, log: silentLog });
  await others.put(route('echo'));
  await eventually('found', () => routes.find('echo.localhost') !== undefined);
  await there.db.deleteFrom('routes').execute();
  const { host, name, kind } = route('quiet');
  const record = JSON.stringify(route('quiet'));
  await there.db.insertInto('routes').values({ host, name, kind, record, created_at: 1 }).execute();
  for (const tell of gapListeners) tell();
  await eventually('read anew', () => routes.find('quiet.localhost') !== undefined);
  await eventually('what is gone is forgotten', () => routes.find('echo.localhost') === undefined);
});

t.test('a stored route that cannot be read is left out, not fatal', async (t) => {
  const store = await open(t);
  const values = { created_at: 1, kind: 'app' };
  await store.db
    .insertInto('routes')
    .values({ ...values, host: 'a.localhost', name: 'a', record: '{' })
    .execute();
  await store.db
    .insertInto('routes')
    .values({ ...values, host: 'b.localhost', name: 'b', record: '{"name":"b"}' })
    .execute();
  await store.db
    .insertInto('routes')
    .values({ ...values, host: 'c.localhost', name: 'c', record: JSON.stringify(route('c')) })
    .execute();
  const routes = await createRoutes({ store, clock, log: silentLog });
  t.strictSame(
    routes.list().map(({ name }) => name),
    ['c'],
  );
});

const service = (label: string, domain = 'localhost') =>
  route(label, {
    host: `${label}.${domain}`,
    kind: 'service',
    service: { id: `id-${label}`, label, owner: 'ann', isTeam: false },
  });

t.test('all routes of a kind move to another domain and back', async (t) => {
  await onBothStores(t, async (t, openDatabase) => {
    const { store, openAgain } = await openDatabase(t);
    const routes = await createRoutes({ store, clock, log: silentLog });
    await routes.replace('app', [route('echo')]);
    for (const label of ['lab-ann', 'web-ann']) await routes.put(service(label));
    // Put by another process that has the new name already.
    await routes.put(service('new-ann', 'apps.test'));
    const others = await createRoutes({ store: await openAgain(), clock, log: silentLog });
    const stays = routes.find('new-ann.apps.test');
    const told: string[] = [];
    routes.onChange((changes) => void told.push(...changes.map(({ host }) => host)));

    await routes.move('service', (name) => `${name}.apps.test`);
    const hosts = ['echo.localhost', 'lab-ann.apps.test', 'new-ann.apps.test', 'web-ann.apps.test'];
    t.strictSame(
      routes.list().map(({ host }) => host),
      hosts,
    );
    t.strictSame(routes.find('lab-ann.apps.test'), service('lab-ann', 'apps.test'));
    t.equal(routes.find('new-ann.apps.test'), stays, 'the same object, so that pools made for it stay');
    t.strictSame(told.sort(), ['lab-ann.apps.test', 'lab-ann.localhost', 'web-ann.apps.test', 'web-ann.localhost']);
    await eventually(
      'other processes hear of it',
      () => others.find('web-ann.apps.test') && !others.find('web-ann.localhost'),
    );
    await t.rejects(
      routes.put(route('lab-ann')),
      { code: 'KNOT_ROUTES_HOST_TAKEN' },
      'a name is one, below any domain',
    );

    told.length = 0;
    await routes.move('service', (name) => `${name}.apps.test`);
    t.strictSame(told, [], 'who is there already is not touched');
    await routes.move('service', (name) => `${name}.localhost`);
    t.strictSame(routes.find('new-ann.localhost'), service('new-ann'));
    others.close();
    routes.close();
  });
});

t.test('a listener that fails does not stop the others', async (t) => {
  const store = await open(t);
  const routes = await createRoutes({ store, clock, log: silentLog });
  let heard = 0;
  routes.onChange(() => {
    throw new Error('mine');
  });
  const stop = routes.onChange(() => (heard += 1));
  await routes.replace('app', [route('echo')]);
  stop();
  await routes.replace('app', []);
  t.equal(heard, 1);
});
