import t from 'tap';
import { argoPaths } from '../../gateway/integrations/argo/paths.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { normalRoute } from '../../gateway/routes/route.ts';

const route = normalRoute({
  host: 'argo.localhost',
  name: 'argo',
  kind: 'integration',
  title: 'Workflows',
  audience: 'everyone',
  upstream: { protocol: 'http:', hostname: '10.96.0.9', port: 2746, allowLoopback: false },
  ownedPrefixes: [],
  untouchedPrefixes: [],
  namespaces: argoPaths('knot-'),
  switches: { encodedSlash: false, methods: [] },
});
/** Whose an address is: a name, `*` for everybody's, '' for nobody's, undefined for the tool itself. */
const ownerOf = (address: string): unknown => {
  const [path = '', query] = address.split('?', 2);
  const { type, attributes } = resourceAt(route, path, query === undefined ? '' : `?${query}`);
  return type === 'Integration' ? undefined : attributes.owner;
};

/** api/openapi-spec/swagger.json of 4.0.5, each path of it, with `{namespace}` filled in. */
const within =
  `/api/v1/cron-workflows/NS /api/v1/cron-workflows/NS/lint /api/v1/cron-workflows/NS/a /api/v1/cron-workflows/NS/a/resume
  /api/v1/cron-workflows/NS/a/suspend /api/v1/event-sources/NS /api/v1/event-sources/NS/a /api/v1/events/NS/a /api/v1/sensors/NS
  /api/v1/sensors/NS/a /api/v1/stream/event-sources/NS /api/v1/stream/event-sources/NS/logs /api/v1/stream/events/NS
  /api/v1/stream/sensors/NS /api/v1/stream/sensors/NS/logs /api/v1/sync/NS /api/v1/sync/NS/a /api/v1/workflow-event-bindings/NS
  /api/v1/workflow-events/NS /api/v1/workflow-templates/NS /api/v1/workflow-templates/NS/lint /api/v1/workflow-templates/NS/a
  /api/v1/workflows/NS /api/v1/workflows/NS/lint /api/v1/workflows/NS/submit /api/v1/workflows/NS/a /api/v1/workflows/NS/a/log
  /api/v1/workflows/NS/a/resubmit /api/v1/workflows/NS/a/stop /api/v1/workflows/NS/a/p/log /artifacts/NS/a/n/x /input-artifacts/NS/a/n/x
  /artifact-files/NS/workflows/a/n/outputs/x /artifact-files/NS/archived-workflows/0-1/n/outputs/x/dir/file.txt /workflows/NS
  /workflows/NS/a /workflow-templates/NS /cron-workflows/NS/a /event-flow/NS /reports/NS /widgets/workflow-graphs/NS
  /api/v1/archived-workflows?namespace=NS /api/v1/archived-workflows/0-1?namespace=NS
  /api/v1/archived-workflows?listOptions.fieldSelector=metadata.namespace%3DNS`.split(/\s+/);

t.test('what is in somebody’s namespace is theirs, and elsewhere nobody’s', async (t) => {
  for (const address of within) {
    t.equal(ownerOf(address.replace('NS', 'knot-ann')), 'ann', address);
    t.equal(ownerOf(address.replace('NS', 'argo')), '', address);
  }
  t.equal(ownerOf('/api/v1/workflows/knot-team-physics/a/log'), 'physics');
});

t.test('lists over all namespaces are everybody’s, which no rule of people’s own opens', async (t) => {
  for (const path of [
    ...[
      '/api/v1/workflows/',
      '/api/v1/workflow-events/',
      '/api/v1/stream/events/',
      '/api/v1/archived-workflows',
      '/metrics',
    ],
    // The server looks at no namespace here, whichever is named.
    ...['/api/v1/archived-workflows-label-keys', '/api/v1/archived-workflows-label-keys?namespace=knot-ann'],
    ...['/api/v1/archived-workflows-label-values?listOptions.labelSelector=a', '/api/v1/archived-workflows?namespace='],
  ])
    t.equal(ownerOf(path), '*', path);
});

t.test('what a number alone names, and what is no address of Argo’s, is nobody’s', async (t) => {
  for (const path of [
    ...['/artifacts-by-uid/0-1/n/x', '/input-artifacts-by-uid/0-1/n/x', '/artifacts-by-uid/0-1/n/x?namespace=knot-ann'],
    ...['/api/v1/archived-workflows/0-1', '/api/v1/archived-workflows/0-1/resubmit', '/api/v1/archived-workflows:'],
    ...[
      '/api/v1/workflows',
      '/api/v1/workflows:',
      '/api/v1/workflows/:',
      '/api/v2/workflows/knot-ann',
      '/api/',
      '/api',
    ],
    ...[
      '/api/v1/workflows/knot-ann:',
      '/api/v1/workflows/Knot-ann',
      '/API/v1/workflows/knot-ann',
      '/Artifacts/knot-ann/a/n/x',
    ],
    ...[
      '/artifacts/',
      '/artifact-files//a',
      '/api/v1/stream/events',
      '/metrics/',
      '/api/v1/version/x',
      '/widgets/knot-ann',
    ],
  ])
    t.equal(ownerOf(path), '', path);
});

t.test('the rest is the tool itself, as which everybody is themselves', async (t) => {
  for (const path of [
    ...[
      '/',
      '/workflows',
      '/workflows/',
      '/login',
      '/oauth2/redirect?redirect=/',
      '/userinfo',
      '/assets/images/logo.png',
    ],
    ...['/main.1a2b.js', '/api/v1/userinfo', '/api/v1/info', '/api/v1/version', '/api/v1/cluster-workflow-templates/a'],
    // gRPC says its namespace in the message: the account that asks has rights in one.
    ...['/workflow.WorkflowService/ListWorkflows', '/info.InfoService/GetVersion'],
  ])
    t.equal(ownerOf(path), undefined, path);
});

t.test('what was judged is remembered by where its path ends, as it was judged', async (t) => {
  const [path, query] = ['/api/v1/archived-workflows', '?namespace=knot-ann'];
  const owner = (...at: [path: string, query: string]) => resourceAt(route, ...at).attributes.owner;
  for (let times = 0; times < 2; times += 1) {
    t.equal(owner(path, query), 'ann');
    t.equal(owner(`${path}${query}`, ''), '', 'a question mark of the path itself');
    t.equal(owner(path, '?namespace=knot-bob'), 'bob');
    t.equal(owner(`/api/v1/workflows/knot-ann/${'x'.repeat(400)}`, ''), 'ann', 'a long one');
  }
});
