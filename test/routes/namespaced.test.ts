import fc from 'fast-check';
import t from 'tap';
import type { Route } from '../../gateway/routes/index.ts';
import { namespaceAt } from '../../gateway/routes/index.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { normalRoute } from '../../gateway/routes/route.ts';

const given: Route = {
  host: 'kubernetes.localhost',
  name: 'kubernetes',
  kind: 'integration',
  title: 'Kubernetes',
  audience: 'everyone',
  upstream: { protocol: 'https:', hostname: '10.96.0.1', port: 443, allowLoopback: false },
  ownedPrefixes: [],
  untouchedPrefixes: [],
  namespaces: { prefix: 'knot-', paths: ['/api/*/namespaces/{}', '/apis/*/*/namespaces/{}', '/workflows/{}'] },
  switches: { encodedSlash: false, methods: [] },
};
const route = normalRoute(given);
const at = (path: string) => resourceAt(route, path);
const nobodys = { type: 'Service', id: 'kubernetes/', attributes: { owner: '' } };

t.test('a path into the namespace of somebody is theirs', async (t) => {
  const parent = { type: 'Integration', id: 'kubernetes' };
  for (const path of [
    '/api/v1/namespaces/knot-ann',
    '/api/v1/namespaces/knot-ann/pods',
    '/apis/apps/v1/namespaces/knot-ann/deployments/web/scale',
    '/workflows/knot-ann',
  ]) {
    t.match(at(path), { type: 'Service', id: 'kubernetes/ann', attributes: { owner: 'ann' }, parent }, path);
    t.notOk(at(path).attributes.team, path);
  }
  t.match(at('/api/v1/namespaces/knot-team-physics/pods'), { attributes: { owner: 'physics', team: 'physics' } });
});

t.test('a path into another namespace, or one that can be read in two ways, is nobody’s', async (t) => {
  for (const path of [
    ...['/api/v1/namespaces/kube-system/secrets', '/api/v1/namespaces/default', '/api/v1/namespaces/knot-/pods'],
    ...['/api/v1/namespaces/knot-Ann/pods', '/api/v1/namespaces/knot-a-b/pods', '/api/v1/namespaces/knot-team-/pods'],
    ...['/api/v1/namespaces/knot-team-a-b/pods', '/api/v1/namespaces/ann/pods', '/api/v1/namespaces/xknot-ann'],
    ...['/api/v1/namespaces/knot-ann/../knot-joanna', '/api/v1/namespaces/knot-ann/./pods', '/api//v1/namespaces'],
    ...['/api/v1/namespaces;x=1/knot-ann', '/api/v1/namespaces\\knot-ann', '/api/v1/namespaces/knot-ann%2f..'],
    ...['/api/v1/namespaces/knot-аnn/pods', '/api/v1/namespaces/knot-ann/pods/..'],
  ])
    t.match(at(path), nobodys, path);
});

t.test('what leads into no namespace is the tool itself', async (t) => {
  for (const path of [
    '/',
    '/api',
    '/version',
    '/api/v1/pods',
    '/api/v1/namespaces',
    '/api/v1/namespaces/',
    '/workflows/',
  ])
    t.match(at(path), { type: 'Integration', id: 'kubernetes' }, path);
});

t.test('whoever a path is said to belong to, the namespace that is acted in stands in it', async () => {
  const segment = fc.oneof(
    fc.constantFrom(
      'api',
      'apis',
      'v1',
      'apps',
      'namespaces',
      'watch',
      'workflows',
      'knot-ann',
      'knot-team-x',
      '..',
      '',
    ),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 7 }), (segments) => {
      const resource = at(`/${segments.join('/')}`);
      const { owner } = resource.attributes;
      if (owner === undefined || owner === '') return true;
      return segments.includes(namespaceAt(resource, route.namespaces!, 'nobody'));
    }),
    { numRuns: 2_000 },
  );
});

t.test('a route whose namespaces cannot be told apart is refused', async (t) => {
  const refused = (namespaces: Route['namespaces']) =>
    t.throws(() => normalRoute({ ...given, ...(namespaces && { namespaces }) }), { code: 'KNOT_ROUTES_INVALID' });
  refused({ prefix: 'knot', paths: ['/x/{}'] });
  refused({ prefix: '', paths: ['/x/{}'] });
  refused({ prefix: 'knot-', paths: ['/x/'] });
  refused({ prefix: 'knot-', paths: ['/x/{}/{}'] });
  refused({ prefix: 'knot-', paths: ['x/{}'] });
});

const tool = normalRoute({
  ...given,
  host: 'argo.localhost',
  name: 'argo',
  namespaces: {
    prefix: 'knot-',
    paths: ['/workflows/{}', '/api/v1/workflows/{}', '/api/v1/stream/events/{}'],
    query: { paths: ['/api/v1/archived', '/api/v1/archived/*'], name: 'namespace', selector: 'list.fieldSelector' },
    wide: ['/api/v1/workflows/', '/api/v1/archived'],
    plain: ['/', '/workflows', '/workflows/', '/api/v1/userinfo', '/assets/**'],
  },
});
const of = (path: string, query = '') => resourceAt(tool, path, query);
const nobodysOfTool = { type: 'Service', id: 'argo/', attributes: { owner: '' } };

t.test(
  'where all paths are listed, another spelling of one is nobody’s, and what begins otherwise is the tool',
  async (t) => {
    for (const path of [
      ...[
        '/api/v1/workflows',
        '/api/v1/Workflows/knot-ann',
        '/API/v1/workflows/knot-ann',
        '/api/v2/workflows/knot-ann',
      ],
      ...[
        '/api/v1/archived:',
        '/api/v1/workflows/knot-ann:',
        '/api',
        '/api/',
        '/Workflows/knot-ann',
        '/assets',
        '/api/v1/new',
      ],
    ])
      t.match(of(path), nobodysOfTool, path);
    for (const path of [
      '/',
      '/workflows',
      '/workflows/',
      '/api/v1/userinfo',
      '/assets/a/b.js',
      '/main.js',
      '/x.Service/Get',
    ])
      t.match(of(path), { type: 'Integration', id: 'argo' }, path);
    t.match(of('/api/v1/workflows/knot-ann/one/log'), { attributes: { owner: 'ann' } });
  },
);

t.test('what leads into all namespaces is a thing of its own', async (t) => {
  for (const path of ['/api/v1/workflows/', '/api/v1/archived'])
    t.match(of(path), { type: 'Service', id: 'argo/*', attributes: { owner: '*' } }, path);
  t.equal(namespaceAt(of('/api/v1/archived'), tool.namespaces!, 'ann'), 'knot-ann');
});

t.test('a namespace in the query counts where it stands there once and plainly', async (t) => {
  for (const query of [
    ...['?namespace=knot-ann', '?list.limit=5&namespace=knot-ann', '?list.fieldSelector=metadata.namespace%3Dknot-ann'],
    ...['?namespace=knot-ann&list.fieldSelector=spec.x%3D1,metadata.namespace=knot-ann'],
  ]) {
    t.match(of('/api/v1/archived', query), { id: 'argo/ann', attributes: { owner: 'ann' } }, query);
    t.match(of('/api/v1/archived/0-1', query), { attributes: { owner: 'ann' } }, query);
  }
  t.match(of('/api/v1/archived', '?namespace=knot-team-physics'), { attributes: { team: 'physics' } });
  for (const query of [
    ...[
      '?namespace=a&namespace=b',
      '?namespace=knot-ann&namespace=knot-ann',
      '?namespace=knot-ann&namespace=',
      '?Namespace=knot-ann',
    ],
    ...[
      '?n%61mespace=knot-ann',
      '?namespace=knot-ann&Namespace=knot-bob',
      '?namespace=knot-ann;namespace=knot-bob',
      '?namespace=%zz',
    ],
    ...[
      '?namespace=knot-ann&list.fieldSelector=metadata.namespace%3Dknot-bob',
      '?list.fieldSelector=metadata.namespace!%3Dx',
    ],
    ...[
      '?list.fieldSelector=metadata.namespace=knot-ann&list.fieldSelector=metadata.namespace=knot-ann',
      '?namespace=kube-system',
    ],
    ...[
      '?list.fieldselector=metadata.namespace=knot-ann',
      '?list.fieldSelector=metadata.namespace%3Dknot-ann,metadata.namespace=x',
    ],
    ...[
      '?namespace=knot-ann%00',
      '?namespace=knot-ann/../x',
      '?%6eamespace=knot-bob&namespace=knot-ann',
      '?list_field_selector=metadata.namespace=x',
    ],
  ])
    t.match(of('/api/v1/archived', query), nobodysOfTool, query);
  t.match(of('/api/v1/archived/0-1'), nobodysOfTool, 'by its number alone nobody can say whose it is');
});

t.test('beside a namespace in the path the query may say the same, and nothing else', async (t) => {
  t.match(of('/api/v1/workflows/knot-ann', '?namespace=knot-ann'), { attributes: { owner: 'ann' } });
  t.match(of('/api/v1/workflows/knot-ann', '?a=%20b&c'), { attributes: { owner: 'ann' } });
  for (const query of [
    '?namespace=knot-bob',
    '?namespace=knot-ann&namespace=knot-bob',
    '?list.fieldSelector=metadata.namespace=knot-bob',
  ])
    t.match(of('/api/v1/workflows/knot-ann', query), nobodysOfTool, query);
});
