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
