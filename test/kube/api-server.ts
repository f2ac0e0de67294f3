import type { Test } from 'tap';
import { type Kube, type KubeObject, kinds, reasonOf } from '../../gateway/kube/index.ts';
import { eventually } from '../support/eventually.ts';

let count = 0;

/** What Knot takes for granted of an API server. The fake passes it and a real one, which keeps the fake honest. */
export function describeApiServer(t: Test, open: (t: Test) => Promise<Kube>): void {
  async function inNamespace(t: Test) {
    const kube = await open(t);
    const namespace = `suite-${++count}`;
    await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const map = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): KubeObject => ({
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data },
    });
    const get = (name: string) => kube.get(kinds.configMap, name, namespace);
    return { kube, namespace, map, get };
  }
  const named = (objects: Iterable<KubeObject>) => [...objects].map(({ metadata }) => metadata.name).sort();

  t.test('objects are made, found, changed and taken away', async (t) => {
    const { kube, namespace, map, get } = await inNamespace(t);
    t.equal(await get('a'), undefined, 'what is not there is no fault');
    const made = await kube.create(map('a', { x: '1' }));
    t.match(made, {
      kind: 'ConfigMap',
      metadata: { uid: /./, resourceVersion: /^\d+$/, creationTimestamp: /^\d{4}-/ },
    });
    await t.rejects(kube.create(map('a', {})), { code: 'KNOT_KUBE_CONFLICT' });
    t.strictSame((await get('a'))?.['data'], { x: '1' });
    const merged = await kube.merge(kinds.configMap, 'a', namespace, { data: { x: null, y: '2' } });
    t.strictSame(merged?.['data'], { y: '2' });
    t.equal(await kube.merge(kinds.configMap, 'none', namespace, { data: {} }), undefined);
    const { resourceVersion } = made.metadata;
    const late = kube.merge(kinds.configMap, 'a', namespace, { metadata: { resourceVersion }, data: { x: '3' } });
    await t.rejects(late, { code: 'KNOT_KUBE_CONFLICT' }, 'a write that is conditional');
    await t.rejects(kube.remove(kinds.configMap, 'a', namespace, { uid: 'another' }), { code: 'KNOT_KUBE_CONFLICT' });
    t.equal(await kube.remove(kinds.configMap, 'a', namespace, { uid: made.metadata.uid! }), true);
    t.equal(await kube.remove(kinds.configMap, 'a', namespace), false);
    await t.rejects(kube.ask({ method: 'GET', path: '/apis/none.test/v1/things' }), { code: 'KNOT_KUBE_NOT_FOUND' });
  });

  t.test('server-side apply changes what it names, takes back what it names no more, and nothing twice', async (t) => {
    const { kube, namespace, map, get } = await inNamespace(t);
    const first = await kube.apply(map('a', { x: '1', y: '1' }));
    const again = await kube.apply(map('a', { x: '1', y: '1' }));
    t.equal(again.metadata.resourceVersion, first.metadata.resourceVersion, 'the same again is no change');
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    await kube.ask({
      ...{ method: 'PATCH', path, query: { fieldManager: 'somebody' } },
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ data: { x: 'theirs', z: 'theirs' } }),
    });
    const refused = await kube.apply(map('a', { x: '2' }), { force: false }).then(
      () => undefined,
      (error: unknown) => error,
    );
    t.match(refused, { code: 'KNOT_KUBE_CONFLICT' });
    t.match(reasonOf(refused), { statusCode: 409, reason: 'Conflict', message: /conflict/ });
    t.match(await kube.apply(map('a', { x: '2' }), { dryRun: true }), { data: { x: '2' } });
    t.strictSame((await get('a'))?.['data'], { x: 'theirs', y: '1', z: 'theirs' }, 'a try changes nothing');
    await kube.apply(map('a', { x: '2' }));
    t.strictSame((await get('a'))?.['data'], { x: '2', z: 'theirs' });
  });

  t.test('lists are whole however many pages they have, and may be of a part', async (t) => {
    const { kube, namespace, map } = await inNamespace(t);
    await kube.create(map('a', {}, { app: 'x', 'knot/owner': 'ann' }));
    await kube.create(map('b', {}, { app: 'x' }));
    await kube.create(map('c', {}, { app: 'y', 'knot/owner': 'bob' }));
    const list = async (labels?: string, fields?: string) =>
      named(
        (await kube.list(kinds.configMap, { namespace, ...(labels && { labels }), ...(fields && { fields }) })).items,
      ).filter((name) => name.length === 1);
    t.strictSame(await list(), ['a', 'b', 'c']);
    t.strictSame(await list('knot/owner'), ['a', 'c']);
    t.strictSame(await list('!knot/owner'), ['b']);
    t.strictSame(await list('app=x,knot/owner=ann'), ['a']);
    t.strictSame(await list('app!=x'), ['c']);
    t.strictSame(await list('app in (x,z),knot/owner notin (ann)'), ['b']);
    t.strictSame(await list(undefined, 'metadata.name=b'), ['b']);
    type Page = { items: KubeObject[]; metadata: { continue?: string } };
    const page = (query: object) =>
      kube.ask<Page>({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/configmaps`,
        query: { labelSelector: 'app', limit: 2, ...query },
      });
    const first = await page({});
    t.equal(first.items.length, 2);
    const second = await page({ continue: first.metadata.continue });
    t.strictSame(named([...first.items, ...second.items]), ['a', 'b', 'c']);
    t.notOk(second.metadata.continue);
    await t.rejects(page({ continue: 'nonsense' }), { code: /KNOT_KUBE_(INVALID|GONE)/ });
  });

  t.test('a cache hears what is made, changed, selected no longer, and taken away', async (t) => {
    const { kube, namespace, map } = await inNamespace(t);
    await kube.create(map('before', { x: '1' }, { app: 'x' }));
    const cache = kube.watch<KubeObject>(kinds.configMap, { labels: 'app=x', namespace });
    const names = kube.watch<KubeObject>(kinds.configMap, { labels: 'app', namespace, metadataOnly: true });
    const told: string[] = [];
    cache.onChange((object, type) => void told.push(`${type} ${object.metadata.name}`));
    await Promise.all([cache.ready, names.ready]);
    await kube.create(map('a', { x: '1' }, { app: 'x' }));
    await kube.create(map('b', { x: '1' }, { app: 'x' }));
    await kube.create(map('c', { x: '1' }, { app: 'y' }));
    await kube.merge(kinds.configMap, 'a', namespace, { data: { x: '2' } });
    await kube.merge(kinds.configMap, 'b', namespace, { metadata: { labels: { app: 'y' } } });
    await kube.merge(kinds.configMap, 'c', namespace, { metadata: { labels: { app: 'x' } } });
    await kube.remove(kinds.configMap, 'before', namespace);
    const all = [...['added before', 'added a', 'added b', 'modified a', 'deleted b', 'added c', 'deleted before']];
    await eventually(
      () => told.join(),
      () => told.length === all.length,
    );
    t.strictSame(told, all);
    t.match(cache.get(namespace, 'a'), { apiVersion: 'v1', kind: 'ConfigMap', data: { x: '2' } });
    t.notOk('managedFields' in cache.get(namespace, 'a')!.metadata);
    await eventually('all names', () => named(names.all()).join() === 'a,b,c');
    const known = names.get(namespace, 'a')!;
    t.match(known, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { labels: { app: 'x' } } });
    t.notOk('data' in known);
    for (const one of [cache, names]) one.close();
  });
}
