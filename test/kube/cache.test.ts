import t, { type Test } from 'tap';
import { type KubeObject, kinds } from '../../gateway/kube/index.ts';
import { createManualClock } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Asked } from '../support/kube/fake.ts';
import { openFake, quick } from '../support/kube/open.ts';

const map = (name: string, value = 'x', labels: Record<string, string> = {}, namespace = 'ann'): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap' },
  metadata: { name, namespace, labels },
  data: { value },
});
const valueOf = (object: KubeObject | undefined) => (object?.['data'] as { value?: string } | undefined)?.value;
const isWatch = ({ isWatch }: Asked) => isWatch;
const isList = ({ isWatch, method }: Asked) => method === 'GET' && !isWatch;

/** A fake and a cache of its ConfigMaps that is ready, with what it told. */
async function following(t: Test, options: Parameters<typeof openFake>[1] = {}, before: KubeObject[] = []) {
  const { fake, kube } = await openFake(t, options);
  for (const object of before) await kube.create(object);
  const cache = kube.watch<KubeObject>(kinds.configMap, { indexLabels: ['knot/service'] });
  const told: string[] = [];
  cache.onChange((object, type) => void told.push(`${type} ${object.metadata.name} ${valueOf(object)}`));
  await cache.ready;
  await eventually('the watch', () => fake.watchers() === 1);
  const lists = () => fake.requests.filter(isList).length;
  const watches = () => fake.requests.filter(isWatch).length;
  const has = (name: string, value = 'x') =>
    eventually(`${name} is ${value}`, () => valueOf(cache.get('ann', name)) === value);
  return { fake, kube, cache, told, lists, watches, has };
}
t.test('a cache is what is there, and hears what happens to it', async (t) => {
  const { kube, cache, told, has, lists } = await following(t, {}, [map('a'), map('b', 'x', { 'knot/service': 's1' })]);
  t.strictSame(told, ['added a x', 'added b x'], 'what is found at first is told');
  t.match(cache.get('ann', 'a'), { apiVersion: 'v1', kind: 'ConfigMap' }, 'it says what it is');
  await kube.apply(map('a', 'y'));
  await has('a', 'y');
  await kube.create(map('c', 'x', { 'knot/service': 's1' }, 'bob'));
  await eventually('c', () => cache.get('bob', 'c'));
  const names = (found: Iterable<KubeObject>) => [...found].map(({ metadata }) => metadata.name);
  t.strictSame(names(cache.byLabel('knot/service', 's1')), ['b', 'c']);
  t.strictSame(names(cache.byNamespace('ann')), ['a', 'b']);
  t.strictSame(names(cache.all()), ['a', 'b', 'c']);
  await kube.merge(kinds.configMap, 'b', 'ann', { metadata: { labels: { 'knot/service': 's2' } } });
  await eventually('the other label', () => names(cache.byLabel('knot/service', 's2'))[0] === 'b');
  t.strictSame(names(cache.byLabel('knot/service', 's1')), ['c'], 'it is not under its old label');
  t.throws(() => [...cache.byLabel('app', 'x')], /not looked for by app/);
  await kube.remove(kinds.configMap, 'c', 'bob');
  await eventually('no c', () => cache.get('bob', 'c') === undefined);
  t.strictSame(names(cache.byLabel('knot/service', 's1')), []);
  t.strictSame(told.slice(2), ['modified a y', 'added c x', 'modified b x', 'deleted c x']);
  t.equal(lists(), 1, 'by one list');
  t.match(cache.health(), { kind: 'configmaps', objects: 2, isSynced: true, lastFault: undefined });
});

t.test('a list comes page after page, and whole when its pages are forgotten', async (t) => {
  const { fake, kube } = await openFake(t);
  for (let at = 0; at < 1100; at++) await kube.create(map(`m${at}`));
  fake.requests.length = 0;
  const cache = kube.watch(kinds.configMap);
  await cache.ready;
  t.equal([...cache.all()].length, 1100);
  t.strictSame(
    fake.requests.filter(isList).map(({ query }) => query.get('limit')),
    ['500', '500', '500'],
  );
  cache.close();
  fake.requests.length = 0;
  fake.fail({ status: 410, reason: 'Expired' }, ({ query }) => query.has('continue'));
  const again = kube.watch(kinds.configMap);
  await again.ready;
  t.equal([...again.all()].length, 1100);
  t.strictSame(
    fake.requests.filter(isList).map(({ query }) => query.get('limit')),
    ['500', '500', null],
  );
});

t.test('only what is needed of an object is asked for and kept', async (t) => {
  const { fake, kube } = await openFake(t);
  await kube.create(map('a', 'secret', { 'knot/owner': 'ann' }));
  await kube.create(map('b', 'secret'));
  const names = kube.watch(kinds.configMap, { metadataOnly: true, labels: 'knot/owner' });
  await names.ready;
  t.strictSame(
    [...names.all()].map((object) => [object.metadata.name, object.kind, valueOf(object)]),
    [['a', 'ConfigMap', undefined]],
  );
  const picked = kube.watch(kinds.configMap, { pick: (object) => valueOf(object) });
  await picked.ready;
  t.strictSame([...picked.all()], ['secret', 'secret']);
  fake.requests.length = 0;
  await kube.merge(kinds.configMap, 'b', 'ann', { metadata: { labels: { 'knot/owner': 'bob' } } });
  await eventually('what is selected now', () => names.get('ann', 'b'));
  await kube.merge(kinds.configMap, 'b', 'ann', { metadata: { labels: { 'knot/owner': null } } });
  await eventually('what is selected no longer', () => names.get('ann', 'b') === undefined);
  t.equal(fake.watchers(), 2);
  names.close();
  picked.close();
  await eventually('both watches end', () => fake.watchers() === 0);
});

t.test('a watch that is cut, in a line or between two, goes on from where it was', async (t) => {
  const { fake, kube, told, lists, watches, has } = await following(t);
  fake.fail({ truncateAfter: 1 }, isWatch);
  fake.cut();
  await eventually('the next watch', () => watches() === 2 && fake.watchers() === 1);
  await kube.create(map('a'));
  await kube.create(map('b'));
  await has('b');
  t.strictSame(told, ['added a x', 'added b x'], 'each once');
  t.equal(watches(), 3);
  fake.cut();
  await eventually('the next watch', () => watches() === 4 && fake.watchers() === 1);
  t.equal(fake.requests.findLast(isWatch)!.query.get('resourceVersion'), '102');
  t.equal(lists(), 1, 'nothing is listed anew');
});

t.test('a bookmark is where the next watch goes on, so that quiet kinds are not forgotten', async (t) => {
  const clock = createManualClock();
  const { fake, kube, lists, watches, cache } = await following(t, { clock });
  await kube.create({ ...map('s'), kind: 'Secret' });
  clock.advance(70_000);
  t.equal(cache.health().ageMs, 70_000, 'nothing was heard');
  fake.bookmark();
  await eventually('it was heard', () => cache.health().ageMs === 0);
  fake.compact();
  fake.cut();
  await eventually('the next watch', () => watches() === 2 && fake.watchers() === 1);
  t.equal(fake.requests.findLast(isWatch)!.query.get('resourceVersion'), '101');
  t.equal(lists(), 1);
});

t.test('what was forgotten is listed anew, and what is gone meanwhile is told', async (t) => {
  const { fake, kube, told, lists, cache } = await following(t, {}, [map('a'), map('b'), map('c')]);
  told.length = 0;
  for (const how of ['an event', 'a status'] as const) {
    const name = how === 'an event' ? 'a' : 'b';
    // Nothing gets through while it happens.
    fake.fail({ status: 503 }, isWatch, 1000);
    fake.cut();
    await eventually('it fails', () => cache.health().lastFault);
    await kube.remove(kinds.configMap, name, 'ann');
    await kube.remove(kinds.configMap, 'c', 'ann');
    await kube.create(map('c', how));
    if (how === 'an event') fake.compact();
    fake.recover();
    if (how === 'a status') fake.fail({ status: 410, reason: 'Expired' }, isWatch);
    await eventually('c is another one', () => valueOf(cache.get('ann', 'c')) === how);
    await eventually(`${name} is gone`, () => cache.get('ann', name) === undefined);
    await eventually('it is well', () => fake.watchers() === 1 && !cache.health().lastFault);
  }
  t.match(
    new Set(told),
    new Set(['deleted a x', 'deleted c x', 'added c an event', 'deleted b x', 'added c a status']),
  );
  t.ok(lists() >= 2);
});

t.test('a storm of "forgotten" is met with pauses, and ends well', async (t) => {
  const { fake, kube, has, lists } = await following(t, { pace: { ...quick, firstPauseMs: 20, mostPauseMs: 80 } });
  fake.fail('gone', isWatch, 12);
  const began = performance.now();
  fake.cut();
  await kube.create(map('a'));
  await has('a');
  await eventually('the watch', () => fake.watchers() === 1);
  t.ok(performance.now() - began > 100, 'it did not run in a circle');
  t.equal(lists(), 13);
});

t.test('a watch that falls silent is not believed: all is listed anew', async (t) => {
  const { fake, kube, has, lists, cache } = await following(t, { pace: { ...quick, silenceMs: 80 } });
  fake.fail('silent', isWatch);
  fake.cut();
  await eventually('the silent one', () => fake.watchers() === 1);
  await kube.create(map('a'));
  await has('a');
  t.ok(lists() >= 2);
  t.ok(cache.health().isSynced);
});

t.test('a watch that never begins ends as well', async (t) => {
  const { fake, kube, has } = await following(t, { pace: { ...quick, silenceMs: 80 } });
  fake.fail('hang', isWatch);
  fake.cut();
  await kube.create(map('a'));
  await has('a');
});

t.test('while the API server refuses or is away, what was known stays and says how old it is', async (t) => {
  const { fake, kube, cache, has, lists } = await following(t, {}, [map('a')]);
  for (const fault of [
    { status: 401 },
    { status: 403 },
    { status: 429, retryAfterS: 1 },
    { status: 500 },
    'reset',
  ] as const) {
    fake.fail(fault, (asked) => asked.method === 'GET', 1000);
    fake.cut();
    const { lastFault } = await eventually('the fault', () => {
      const health = cache.health();
      return health.lastFault ? health : undefined;
    });
    t.match(lastFault!.error, { code: /^KNOT_KUBE_/ }, JSON.stringify(fault));
    t.equal(valueOf(cache.get('ann', 'a')) !== undefined, true, 'what was known is still known');
    t.ok(cache.health().isSynced);
    const value = JSON.stringify(fault);
    await kube.apply(map('a', value));
    fake.recover();
    await has('a', value);
    await eventually('it is well', () => cache.health().lastFault === undefined);
  }
  t.ok(lists() < 100, 'it was not in a hurry');
});

t.test('a line that is no JSON and one without an end are faults, not the end', async (t) => {
  const { fake, kube, has } = await following(t);
  fake.fail({ say: 'this is no JSON\n' }, isWatch);
  fake.fail({ say: '{"type":"MODIFIED"}\n' }, isWatch);
  fake.cut();
  await kube.create(map('a'));
  await has('a');
});

t.test('a kind that the cluster does not know has nothing in it, where that is said to be no fault', async (t) => {
  const { fake, kube } = await openFake(t);
  const isRoutes = ({ path }: Asked) => path.includes('httproutes');
  fake.fail({ status: 404, reason: 'NotFound' }, isRoutes, 1000);
  const cache = kube.watch<KubeObject>(kinds.httpRoute, { isOptional: true });
  await cache.ready;
  t.match(cache.health(), { objects: 0, isSynced: true, lastFault: undefined });
  fake.recover();
  const { apiVersion, kind } = kinds.httpRoute;
  await kube.create({ apiVersion, kind, metadata: { name: 'a', namespace: 'ann' } });
  await eventually('what came with its definition', () => cache.get('ann', 'a'));
  fake.fail({ status: 404, reason: 'NotFound' }, isRoutes, 1000);
  fake.cut();
  await eventually('what went with its definition', () => cache.get('ann', 'a') === undefined);
});

t.test('what cannot be followed is in the log once, and so is its end', async (t) => {
  const { fake, kube, lines } = await openFake(t);
  fake.fail({ status: 403 }, () => true, 10);
  const cache = kube.watch(kinds.configMap);
  await cache.ready;
  await kube.create(map('a'));
  await eventually('it is followed', () => lines.length === 2);
  t.match(lines, [
    {
      level: 'warn',
      fields: { kind: 'configmaps', err: { code: 'KNOT_KUBE_FORBIDDEN' } },
      message: /cannot be followed/,
    },
    { level: 'info', message: /followed again/ },
  ]);
});

t.test('a watch that is to come later comes later', async (t) => {
  const { fake, has, kube } = await following(t, { pace: { ...quick, mostPauseMs: 1500 } });
  fake.fail({ status: 429, retryAfterS: 1 }, isWatch);
  const began = performance.now();
  fake.cut();
  await kube.create(map('a'));
  await has('a');
  t.ok(performance.now() - began >= 990);
});

t.test('a listener that throws keeps nobody else from hearing', async (t) => {
  const { kube, cache, told, has } = await following(t);
  cache.onChange(() => {
    throw new Error('of the listener');
  });
  const heard: string[] = [];
  const stop = cache.onChange((object) => void heard.push(object.metadata.name));
  await kube.create(map('a'));
  await has('a');
  stop();
  await kube.create(map('b'));
  await has('b');
  t.strictSame(told, ['added a x', 'added b x']);
  t.strictSame(heard, ['a']);
});

t.test('an object that cannot be read is as none, and keeps no other from being seen', async (t) => {
  const { fake, kube } = await openFake(t);
  const pick = (object: KubeObject) => {
    if (valueOf(object) === 'unreadable') throw new TypeError('not iterable');
    return object;
  };
  await kube.create(map('found', 'unreadable'));
  const cache = kube.watch(kinds.configMap, { pick });
  const told: string[] = [];
  cache.onChange((object, type) => void told.push(`${type} ${object.metadata.name}`));
  await cache.ready;
  t.equal(cache.get('ann', 'found'), undefined);
  await kube.create(map('a'));
  await eventually('a', () => cache.get('ann', 'a'));
  await kube.apply(map('a', 'unreadable'));
  await kube.create(map('b'));
  await eventually('b', () => cache.get('ann', 'b'));
  t.equal(cache.get('ann', 'a'), undefined, 'what it was is no longer true');
  await kube.apply(map('a', 'readable'));
  await eventually('a again', () => cache.get('ann', 'a'));
  await kube.apply(map('a', 'unreadable'));
  await kube.remove(kinds.configMap, 'a', 'ann');
  await kube.remove(kinds.configMap, 'b', 'ann');
  await eventually('no b', () => cache.get('ann', 'b') === undefined);
  t.strictSame(told, ['added a', 'deleted a', 'added b', 'added a', 'deleted a', 'deleted b']);
  t.equal(fake.requests.filter(isWatch).length, 1, 'by one watch');
});

t.test('what is closed before it was ready says so', async (t) => {
  const { fake, kube } = await openFake(t);
  fake.fail({ status: 404, reason: 'NotFound' }, () => true, 1000);
  const cache = kube.watch(kinds.httpRoute);
  await eventually('the fault', () => cache.health().lastFault);
  t.notOk(cache.health().isSynced);
  cache.close();
  await t.rejects(cache.ready, /httproutes was closed/);
});
