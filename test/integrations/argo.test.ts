import { t } from 'tap';
import { request } from 'undici';
import { definitionsIn } from '../cluster/argo/manifests.ts';
import { type Argo, startArgo } from '../cluster/argo/start.ts';
import { settingsFrom } from '../cluster/argo/values.ts';
import { hello } from '../cluster/argo/workflows.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { argoSettings } from '../../gateway/integrations/argo/settings.ts';
import { eventually } from '../support/eventually.ts';
import { keepsItsContract } from './argo-contract.ts';
import { type Listed, openArgoHouse } from './argo-fixture.ts';
import { staysShort } from './argo-lists.ts';
import { goTheSameWay } from './argo-programs.ts';

/**
 * People in front of a real Argo Workflows, its server and its controller, on a real control plane with simulated pods. The gateway
 * signs in to the cluster with the rights of its own chart, and Argo is set up as Knot tells its operator.
 */

const cluster = await startControlPlane(t);
const shown = argoSettings({ origin: '', issuer: '', caFile: undefined, namespace: 'argo', secret: undefined });
const argo = 'skip' in cluster ? cluster : await startArgo(t, cluster, settingsFrom(shown));
if ('skip' in cluster || 'skip' in argo)
  t.test('Argo Workflows', { skip: 'skip' in argo ? argo.skip : '' }, async () => undefined);
else await behaves(cluster, argo);

async function behaves(cluster: ControlPlane, argo: Argo): Promise<void> {
  const house = await openArgoHouse(t, cluster, { argo: { upstream: argo.url } });
  const { gateway, ann, person, origin, ask, submit, until, list, enter, place, openStream } = house;
  const joanna = await person('joanna');
  const bob = await person('bob');
  const { id: team } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const joannasId = await house.idOf('joanna');
  await ann.api('PUT', `/teams/${team}/members/${joannasId}`, { role: 'member' });
  for (const namespace of ['knot-joanna', 'knot-bob', 'knot-team-physics']) await place(namespace);

  t.test('a person clicks and is in, as the account of their namespace, and runs a workflow there', async (t) => {
    const { tiles } = (await joanna.api('GET', '/tiles')).json<{ tiles: { name: string; url: string }[] }>();
    const tile = tiles.find(({ name }) => name === 'argo');
    t.equal(tile?.url, `${origin}/workflows/knot-joanna`);
    const page = await joanna.visit(tile!.url);
    t.equal(page.status, 200);
    t.equal(page.url, tile!.url);
    for (const path of ['/', '/login?redirect=https://evil.example', '/oauth2/redirect'])
      t.equal((await joanna.visit(`${origin}${path}`)).url, tile!.url, `${path} leads there as well`);
    t.match(page.text, '<title>Argo</title>');
    t.match((await ask(joanna, 'GET', '/api/v1/userinfo')).json(), {
      serviceAccountName: 'knot-argo',
      serviceAccountNamespace: 'knot-joanna',
    });
    const made = await submit(joanna, 'knot-joanna', hello('first'));
    t.equal(made.status, 200, made.text);
    await until(joanna, 'knot-joanna', 'first', 'Succeeded');
    const { body: pods } = await cluster.request('/api/v1/namespaces/knot-joanna/pods');
    t.match(pods.items, [{ spec: { serviceAccountName: 'knot-workflow' } }]);
    t.match(JSON.stringify(pods.items), 'kube-api-access', 'with the token of that account: steps tell how they ended');
    const [pod] = pods.items as { metadata: { name: string } }[];
    const log = `/api/v1/workflows/knot-joanna/first/log?logOptions.container=main&podName=${pod!.metadata.name}`;
    t.match((await ask(joanna, 'GET', log)).text, 'listening on :8080');
  });

  t.test('it is as Knot takes it for granted', async (t) => {
    const token = await cluster.serviceAccountToken('knot-bob', 'knot-argo');
    await keepsItsContract(t, { url: argo.url, namespace: 'knot-bob', token });
  });

  t.test('what a browser or a program says of itself does not count beside who is signed in', async (t) => {
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'argo', name: 'root' } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'root-of-argo' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', namespace: 'argo', name: 'root' }],
      },
    );
    const root = await cluster.serviceAccountToken('argo', 'root');
    const cookies = bob.cookies('argo.localhost');
    await enter(bob);
    const kept = bob.cookies('argo.localhost');
    bob.setCookies('argo.localhost', new Map([...kept, ['authorization', `Bearer ${root}`]]));
    const whoIs = async (headers?: Record<string, string>) =>
      (await ask(bob, 'GET', '/api/v1/userinfo', undefined, headers)).json<{ serviceAccountNamespace: string }>()
        .serviceAccountNamespace;
    t.equal(await whoIs(), 'knot-bob', 'a cookie that a sign-in of Argo would have left');
    t.equal(await whoIs({ authorization: 'Basic cm9vdDpyb290' }), 'knot-bob');
    t.equal(await whoIs({ connection: 'authorization' }), 'knot-bob', 'a field that is to end here');
    t.equal(await whoIs({ 'grpc-metadata-authorization': `Bearer ${root}` }), 'knot-bob');
    t.equal((await ask(bob, 'GET', '/api/v1/workflows/')).status, 403);
    bob.setCookies('argo.localhost', cookies.size > 0 ? cookies : kept);
    // Who has a token of the cluster is let speak for itself, and for nobody else.
    t.equal(await whoIs({ authorization: `Bearer ${root}` }), 'argo');
  });

  t.test('the namespace of somebody else is refused by a rule that is named, and by Argo as well', async (t) => {
    await enter(bob);
    const paths = [
      ...['/api/v1/workflows/knot-joanna', '/api/v1/workflow-events/knot-joanna', '/api/v1/cron-workflows/knot-joanna'],
      ...[
        '/api/v1/stream/events/knot-joanna',
        '/api/v1/workflows/knot-joanna/first',
        '/api/v1/workflows/knot-team-physics',
      ],
      ...[
        '/artifact-files/knot-joanna/workflows/first/first/outputs/x',
        '/api/v1/archived-workflows?namespace=knot-joanna',
      ],
      ...[
        '/api/v1/workflows/',
        '/api/v1/archived-workflows',
        '/api/v1/archived-workflows-label-keys?namespace=knot-bob',
      ],
      ...['/api/v1/archived-workflows?namespace=knot-bob&namespace=knot-joanna', '/api/v1/archived-workflows/0-1'],
      ...[
        '/api/v1/workflows/knot-bob?namespace=knot-joanna',
        '/api/v1/workflows/knot-joanna:',
        '/metrics',
        '/artifacts-by-uid/1/2/x',
      ],
      '/api/v1/workflows/argo',
    ];
    for (const path of paths) {
      const answer = await ask(bob, 'GET', path);
      t.equal(answer.status, 403, path);
      t.match(answer.text, /decision/i, `${path}: by Knot`);
    }
    t.match((await ask(bob, 'GET', '/api/v1/workflows/knot-joanna')).text, /services-are-private/);
    t.equal((await submit(bob, 'knot-joanna', hello('intruder'))).status, 403);

    // As the account that he would be shown with were there no rule (argo-credentials.test.ts).
    const token = await cluster.serviceAccountToken('knot-bob', 'knot-argo');
    for (const path of ['knot-joanna', 'knot-team-physics', 'argo', '']) {
      const answer = await request(`${argo.url}/api/v1/workflows/${path}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      t.equal(answer.statusCode, 403, `${path} by Argo`);
      t.match(await answer.body.text(), /not allowed/);
    }
  });

  t.test('a page of another origin changes nothing, though the browser sends its cookies', async (t) => {
    for (const foreign of ['https://evil.example', `https://jupyterhub.localhost:${gateway.port}`, gateway.origin])
      t.equal(
        (
          await ask(
            joanna,
            'POST',
            '/api/v1/workflows/knot-joanna',
            { workflow: hello('forged') },
            { origin: foreign, 'sec-fetch-site': 'cross-site' },
          )
        ).status,
        403,
        foreign,
      );
    t.equal((await ask(joanna, 'GET', '/api/v1/workflows/knot-joanna/forged')).status, 404);
  });

  t.test('members of a team run its workflows, and nobody else does', async (t) => {
    t.equal((await submit(joanna, 'knot-team-physics', hello('of-us'))).status, 200);
    await until(joanna, 'knot-team-physics', 'of-us', 'Succeeded');
    t.equal((await submit(bob, 'knot-team-physics', hello('not-of-us'))).status, 403);
    const { workflows } = (await joanna.api('GET', '/workflows?owner=physics')).json<Listed>();
    t.match(workflows, [{ name: 'of-us', owner: { kind: 'team', name: 'physics' }, acts: ['resubmit'] }]);
    t.equal((await bob.api('GET', '/workflows?owner=physics')).status, 403);
    t.equal((await bob.api('GET', '/workflows?owner=joanna')).status, 403);
  });

  t.test('a stream is live at once, and ends with what let it in', async (t) => {
    await submit(joanna, 'knot-team-physics', hello('watched'));
    const stream = await openStream(t, joanna, '/api/v1/workflow-events/knot-team-physics');
    t.equal(stream.status, 200);
    await eventually('its event', () => stream.text().includes('"name":"watched"'));
    await ann.api('DELETE', `/teams/${team}/members/${joannasId}`);
    await stream.ended;
    t.equal((await ask(joanna, 'GET', '/api/v1/workflows/knot-team-physics')).status, 403);

    await submit(joanna, 'knot-joanna', hello('long', { annotations: { 'test.knot/runs-for': '600s' } }));
    await until(joanna, 'knot-joanna', 'long', 'Running');
    // Of a stream of which nothing happens Argo's own server holds the head back for 15 s.
    const quiet = await openStream(t, joanna, '/api/v1/workflow-events/knot-joanna');
    t.equal(quiet.status, 200);
    const { body: pods } = await cluster.request(
      '/api/v1/namespaces/knot-joanna/pods?labelSelector=workflows.argoproj.io/workflow=long',
    );
    const query = `logOptions.container=main&logOptions.follow=true&podName=${pods.items[0].metadata.name as string}`;
    const log = await openStream(t, joanna, `/api/v1/workflows/knot-joanna/long/log?${query}`);
    await eventually('the log', () => log.text().includes('ready'));
    await ann.api('PATCH', `/users/${joannasId}`, { state: 'disabled' });
    await Promise.all([quiet.ended, log.ended]);
    t.equal((await ask(joanna, 'GET', '/api/v1/userinfo')).status, 401);
    await ann.api('PATCH', `/users/${joannasId}`, { state: 'active' });
    await joanna.signIn('joanna', 'correct-horse-staple-7');
    await place('knot-joanna');
    await enter(joanna);
  });

  t.test('the newest workflows are listed by Knot, stopped and run once more', async (t) => {
    await submit(joanna, 'knot-joanna', hello('to-stop', { annotations: { 'test.knot/runs-for': '600s' } }));
    await until(joanna, 'knot-joanna', 'to-stop', 'Running');
    const { workflows, url } = await list(joanna);
    t.equal(url, `${origin}/workflows/knot-joanna`);
    t.match(workflows[0], { name: 'to-stop', state: 'Running', acts: ['stop'], url: `${url}/to-stop` });
    t.match(
      workflows.find(({ name }) => name === 'first'),
      { state: 'Succeeded', acts: ['resubmit'], progress: { done: 1, all: 1 } },
    );
    t.equal((await list(joanna, '?limit=1')).workflows.length, 1);
    t.match(await joanna.api('POST', '/workflows/to-stop/stop', {}), { status: 200 });
    await eventually('its end', async () => (await list(joanna)).workflows[0]?.finishedAt !== undefined);
    const again = await joanna.api('POST', '/workflows/first/resubmit', {});
    t.equal(again.status, 200, again.text);
    t.match(again.json<{ name: string }>().name, /^first-/);
    t.match(await joanna.api('POST', '/workflows/none/stop', {}), { status: 404 });
    t.match((await list(bob)).workflows, [], 'of nobody else');
    const records = (await ann.api('GET', '/audit?action=workflow.resubmitted')).json<{ records: object[] }>().records;
    t.match(records, [{ actor: 'joanna', subject: 'workflow:knot-joanna/first' }]);
  });

  t.test('the command of Argo and kubectl go the same way', (t) => goTheSameWay(t, house, { cluster, argo }));
  t.test('lists stay short, whatever is in a namespace', (t) => staysShort(t, house, { cluster }));

  t.test(
    'while it is away its tile says so, Knot’s own list is refused in plain words, and afterwards all is well',
    async (t) => {
      const stream = await openStream(t, joanna, '/api/v1/workflow-events/knot-joanna');
      t.equal(stream.status, 200);
      await argo.server.stop();
      await stream.ended;
      const list = await joanna.api('GET', '/workflows');
      t.match(list, { status: 503 });
      t.match(list.json(), { code: 'KNOT_INTEGRATIONS_ARGO_AWAY', message: /^Argo Workflows cannot be reached/ });
      t.notMatch(list.text, /127\.0\.0\.1|ECONN/);
      t.equal((await joanna.api('GET', '/tiles')).status, 200);
      t.ok([502, 503].includes((await ask(joanna, 'GET', '/api/v1/userinfo')).status));
      await argo.server.start();
      await eventually('it again', async () => (await joanna.api('GET', '/workflows')).status === 200);
      t.equal((await ask(joanna, 'GET', '/api/v1/userinfo')).status, 200);
    },
  );

  t.test('a token that the cluster takes no more is asked for anew, whoever streams by it', async (t) => {
    await enter(bob);
    const stream = await openStream(t, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(stream.status, 200);
    // As old as that which Knot holds, so that it is seen when that is worth nothing.
    const old = await cluster.serviceAccountToken('knot-bob', 'knot-argo');
    const account = '/api/v1/namespaces/knot-bob/serviceaccounts/knot-argo';
    t.equal((await cluster.request(account, { method: 'DELETE' })).status, 200);
    const isDead = async () => {
      const answer = await request(`${argo.url}/api/v1/workflows/knot-bob?listOptions.limit=1`, {
        headers: { authorization: `Bearer ${old}` },
      });
      await answer.body.dump();
      return answer.statusCode === 401;
    };
    await eventually('the end of the token', isDead);
    await eventually('the account again', async () => (await cluster.request(account)).status === 200);
    const one = '/api/v1/workflows/knot-bob?listOptions.limit=1';
    await eventually('another token', async () => (await ask(bob, 'GET', one)).status === 200);
    t.equal((await bob.visit(`${origin}/login`)).url, `${origin}/workflows/knot-bob`);
    const next = await openStream(t, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(next.status, 200);
  });

  t.test('signing out ends it', async (t) => {
    await submit(bob, 'knot-bob', hello('his'));
    const stream = await openStream(t, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(stream.status, 200);
    await bob.submit('/logout', {});
    await stream.ended;
    t.equal((await ask(bob, 'GET', '/api/v1/userinfo')).status, 401);
    const again = await openStream(t, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(again.status, 401, 'no page for signing in, which an EventSource would ask for again and again');
  });

  t.test(
    'what defines workflows goes and comes back: it is told meanwhile, and nothing is started again',
    async (t) => {
      await enter(joanna);
      const name = 'workflows.argoproj.io';
      const definition = (await definitionsIn(argo.programs.manifests)).find(({ metadata }) => metadata.name === name)!;
      await cluster.kubectl('delete', 'crd', name);
      let said = '';
      const refused = await eventually(
        () => `that it is told, not ${said}`,
        async () => {
          const answer = await joanna.api('GET', '/workflows');
          said = `${answer.status} ${answer.text}`;
          return answer.status === 503 && answer;
        },
      );
      t.match(refused.json(), {
        code: 'KNOT_INTEGRATIONS_ARGO_UNDEFINED',
        message: /^The cluster does not know what workflows are/,
        remedy: /installs the definitions \(CRDs\)/,
      });
      t.match((await gateway.knot(['integrations', 'check', 'argo'])).stdout, /argo: definitions/);
      for (const path of ['/me', '/tiles', '/services']) t.equal((await joanna.api('GET', path)).status, 200, path);
      await cluster.apply(definition);
      await eventually('its list', async () => (await joanna.api('GET', '/workflows')).status === 200);
      const isMade = async () => (await submit(joanna, 'knot-joanna', hello('after'))).status === 200;
      await eventually('a workflow', isMade);
      const isListed = async () => (await list(joanna)).workflows.some((one) => one.name === 'after');
      await eventually('it in the list', isListed);
    },
  );

  t.test('what is set up wrong is told by a check, and what is right as well', async (t) => {
    const said = async () => (await gateway.knot(['integrations', 'show', 'argo'])).stdout;
    const { status, stdout } = await gateway.knot(['integrations', 'check', 'argo']);
    t.equal(status, 0, stdout);
    t.match(stdout, /It takes a token of the cluster[\s\S]*It sees those of no other/);
    t.match(await said(), /authModes: \[client\][\s\S]*IP_KEY_FUNC_HEADERS[\s\S]*serviceAccountName: knot-workflow/);
  });

  t.test('the gateway did nothing that its role does not give', async (t) => {
    const { refused } = await house.rights();
    t.same(refused, []);
  });
}
