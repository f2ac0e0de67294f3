import t from 'tap';
import { createSigningKeys } from '../../gateway/keys/index.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { createGrants, type Grants, type Question } from '../../gateway/metrics/index.ts';
import { openHouse, origin } from './house.ts';

/** What is asked for whom, with Prometheus left out: `test/app/metrics.test.ts` has a real one. */
async function given() {
  const asked: Question[] = [];
  /** Made on the store of the house. */
  const late: { grants?: Grants } = {};
  const house = await openHouse(t, {
    metrics: {
      ask: async (question) => {
        asked.push(question);
        return { status: 200, body: '{"status":"success"}' };
      },
      usageOf: async () => Promise.reject(new Error('nobody asks')),
      identify: async (cookie) => late.grants?.identify(cookie),
    },
  });
  const { store, accounts, clock } = house;
  const keys = await createSigningKeys({ store, clock, rotationDays: 90, log: silentLog });
  t.teardown(() => keys.close());
  const grants = createGrants({ keys, accounts, issuer: origin, clock });
  late.grants = grants;
  /** As Grafana does: no Origin, what it was handed of cookies, and nothing else. */
  const fromGrafana = (cookie: string, url = '/metrics/prometheus/api/v1/query?query=up') =>
    house.call({ url, headers: { cookie, origin: '', 'sec-fetch-site': '' } });
  return { ...house, keys, grants, asked, fromGrafana };
}

t.test('Grafana asks for whom the gateway named on the way to it', async (t) => {
  const { grants, keys, asked, fromGrafana, person, accounts, clock } = await given();
  const bob = await person('bob');
  const cookie = await grants.cookieFor(bob);
  t.match(await fromGrafana(`grafana_session=x; ${cookie}`), { status: 200 });
  t.strictSame(asked.at(-1)?.readable, { label: 'namespace', names: ['knot-bob'] });
  const admin = await person('eve', { isAdmin: true });
  t.match(await fromGrafana(await grants.cookieFor(admin)), { status: 200 });
  t.equal(asked.at(-1)?.readable, 'everything', 'the dashboards of the cluster are for admins');

  const before = asked.length;
  for (const path of ['/me', '/metrics/query?query=up', '/tokens', '/areas'])
    t.match(await fromGrafana(cookie, path), { status: 401 }, `nothing at ${path}`);
  const claims = { iss: origin, sub: bob.id, aud: 'knot-metrics' };
  const others = [
    { ...claims, aud: 'grafana.localhost' },
    { ...claims, iss: 'https://elsewhere' },
    { iss: origin, aud: 'knot-metrics' },
  ];
  for (const one of others)
    t.match(
      await fromGrafana(`knot-metrics=${await keys.signAssertion(one, 120)}`),
      { status: 401 },
      JSON.stringify(one),
    );
  const value = cookie.split('=')[1]!;
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${value.split('.')[1]}.`;
  for (const wrong of ['', 'x', unsigned, `${value}x`, value.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))])
    t.match(await fromGrafana(`knot-metrics=${wrong}`), { status: 401 });
  t.match(await fromGrafana(`${cookie}; ${cookie}`), { status: 401 }, 'of two, one came from elsewhere');

  clock.advance(119_000);
  t.match(await fromGrafana(cookie), { status: 200 });
  clock.advance(2000);
  t.match(await fromGrafana(cookie), { status: 401 }, 'after two minutes it is over, also where it was seen before');
  const fresh = await grants.cookieFor(bob);
  t.match(await fromGrafana(fresh), { status: 200 });
  await accounts.setState(bob.id, 'disabled', { name: 'test' });
  t.match(await fromGrafana(fresh), { status: 401 }, 'who is disabled asks nothing more');
  t.equal(asked.length, before + 2);
});

t.test('without Prometheus what services used has its price, and says by whom and since when', async (t) => {
  const { config, store, person, call, clock } = await openHouse(t);
  const bob = await person('bob');
  const hour = 3_600_000;
  const row = { owner_id: bob.id, service_id: 'one', processor_ms: 4 * hour, memory_mib_seconds: 2 * 1024 * 3600 };
  const rows = [
    { ...row, day: '2027-01-15' },
    { ...row, day: '2027-01-14', service_id: 'two', processor_ms: hour, memory_mib_seconds: 0 },
  ];
  await store.transaction(async ({ db }) => void (await db.insertInto('service_use').values(rows).execute()));
  const usage = async () => (await call({ url: '/metrics/usage?month=2027-01', cookie: bob.cookie })).json;
  t.equal(new Date(clock.now()).toISOString().slice(0, 10), '2027-01-15');
  const free = await usage();
  t.match(free, { measuredBy: 'services', since: '2027-01-15', total: { cpuHours: 5, memoryGibHours: 2 } });
  t.notMatch(JSON.stringify(free), /cost|prices/i);

  // Prices of the whole: by processor, memory and what is kept.
  config.metrics = { prices: { currency: 'EUR', cpuHour: 0.5, memoryGibHour: 0.25, storageGibMonth: 3 } };
  t.match(await usage(), {
    measuredBy: 'services',
    services: [
      { id: 'one', cpuHours: 4, cost: 2.5 },
      { id: 'two', cost: 0.5 },
    ],
    days: [{ day: '2027-01-15', cost: 2.5 }],
    total: { cost: 3 },
    storageCost: 0,
    prices: { currency: 'EUR' },
  });
});
