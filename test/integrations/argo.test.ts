import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { t, type Test } from 'tap';
import { Agent, request } from 'undici';
import { asGateway } from '../charts/as-gateway.ts';
import { type Argo, startArgo } from '../cluster/argo/start.ts';
import { settingsFrom } from '../cluster/argo/values.ts';
import { hello } from '../cluster/argo/workflows.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { argoSettings } from '../../gateway/integrations/argo/settings.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

/**
 * People in front of a real Argo Workflows, its server and its controller, on a real control plane with simulated pods. The gateway
 * signs in to the cluster with the rights of its own chart, and Argo is set up as Knot tells its operator.
 */
t.setTimeout(300_000);

const cluster = await startControlPlane(t);
const shown = argoSettings({ origin: '', issuer: '', caFile: undefined, namespace: 'argo', secret: undefined });
const argo = 'skip' in cluster ? cluster : await startArgo(t, cluster, settingsFrom(shown));
if ('skip' in cluster || 'skip' in argo)
  t.test('Argo Workflows', { skip: 'skip' in argo ? argo.skip : '' }, async () => undefined);
else await behaves(cluster, argo);

type Listed = { workflows: { name: string; state: string; acts: string[]; finishedAt?: number }[]; url: string };

async function behaves(cluster: ControlPlane, argo: Argo): Promise<void> {
  const { kubeconfig, rights } = await asGateway(cluster);
  const at = `127.0.0.1:${await freePort()}`;
  const { gateway, ann, person } = await openPeople(t, {
    config: {
      engine: 'kubernetes',
      kubernetes: { kubeconfig, helm: cluster.programs.helm[0], admission: { listen: at, url: `https://${at}` } },
      integrations: { jupyterhub: { mode: 'off' }, argo: { upstream: argo.url } },
    },
    others: ['joanna', 'bob'],
  });
  const origin = `https://argo.localhost:${gateway.port}`;
  const joanna = await person('joanna');
  const bob = await person('bob');
  const { id: team } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const idOf = async (username: string) => (await ann.api('GET', `/users/${username}`)).json<{ id: string }>().id;
  const joannasId = await idOf('joanna');
  await ann.api('PUT', `/teams/${team}/members/${joannasId}`, { role: 'member' });
  const roleBindings = '/apis/rbac.authorization.k8s.io/v1/namespaces';
  for (const namespace of ['knot-joanna', 'knot-bob', 'knot-team-physics'])
    await eventually(
      `the place ${namespace}`,
      async () => (await cluster.request(`${roleBindings}/${namespace}/rolebindings/knot-argo`)).status === 200,
      60_000,
    );
  const enter = (who: Person) => who.visit(`${origin}/`);
  /** As the page does: with its cookies, from its own origin. */
  const ask = (who: Person, method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    who.request(method, `${origin}${path}`, {
      headers: {
        accept: 'application/json',
        ...(method !== 'GET' && { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const submit = (who: Person, namespace: string, workflow: object) =>
    ask(who, 'POST', `/api/v1/workflows/${namespace}`, { workflow });
  const phaseOf = async (who: Person, namespace: string, name: string) =>
    (await ask(who, 'GET', `/api/v1/workflows/${namespace}/${name}`)).json<{ status: { phase?: string } }>().status
      .phase;
  const until = (who: Person, namespace: string, name: string, phase: string) =>
    eventually(`${name} is ${phase}`, async () => (await phaseOf(who, namespace, name)) === phase, 30_000);

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
    const stream = await openStream(t, gateway, joanna, '/api/v1/workflow-events/knot-team-physics');
    t.equal(stream.status, 200);
    await eventually('its event', () => stream.text().includes('"name":"watched"'));
    await ann.api('DELETE', `/teams/${team}/members/${joannasId}`);
    await stream.ended;
    t.equal((await ask(joanna, 'GET', '/api/v1/workflows/knot-team-physics')).status, 403);

    await submit(joanna, 'knot-joanna', hello('long', { annotations: { 'test.knot/runs-for': '600s' } }));
    await until(joanna, 'knot-joanna', 'long', 'Running');
    // Of a stream of which nothing happens Argo's own server holds the head back for 15 s.
    const quiet = await openStream(t, gateway, joanna, '/api/v1/workflow-events/knot-joanna');
    t.equal(quiet.status, 200);
    const { body: pods } = await cluster.request(
      '/api/v1/namespaces/knot-joanna/pods?labelSelector=workflows.argoproj.io/workflow=long',
    );
    const query = `logOptions.container=main&logOptions.follow=true&podName=${pods.items[0].metadata.name as string}`;
    const log = await openStream(t, gateway, joanna, `/api/v1/workflows/knot-joanna/long/log?${query}`);
    await eventually('the log', () => log.text().includes('ready'));
    await ann.api('PATCH', `/users/${joannasId}`, { state: 'disabled' });
    await Promise.all([quiet.ended, log.ended]);
    t.equal((await ask(joanna, 'GET', '/api/v1/userinfo')).status, 401);
    await ann.api('PATCH', `/users/${joannasId}`, { state: 'active' });
    await joanna.signIn('joanna', 'correct-horse-staple-7');
    await eventually(
      'her rights again',
      async () => (await cluster.request(`${roleBindings}/knot-joanna/rolebindings/knot-argo`)).status === 200,
      30_000,
    );
    await enter(joanna);
  });

  t.test('the newest workflows are listed by Knot, stopped and run once more', async (t) => {
    await submit(joanna, 'knot-joanna', hello('to-stop', { annotations: { 'test.knot/runs-for': '600s' } }));
    await until(joanna, 'knot-joanna', 'to-stop', 'Running');
    const list = async (who: Person, query = '') => (await who.api('GET', `/workflows${query}`)).json<Listed>();
    const { workflows, url } = await list(joanna);
    t.equal(url, `${origin}/workflows/knot-joanna`);
    t.match(workflows[0], { name: 'to-stop', state: 'Running', acts: ['stop'], url: `${url}/to-stop` });
    t.match(
      workflows.find(({ name }) => name === 'first'),
      { state: 'Succeeded', acts: ['resubmit'], progress: { done: 1, all: 1 } },
    );
    t.equal((await list(joanna, '?limit=1')).workflows.length, 1);
    t.match(await joanna.api('POST', '/workflows/to-stop/stop', {}), { status: 200 });
    await eventually('its end', async () => (await list(joanna)).workflows[0]?.finishedAt !== undefined, 30_000);
    const again = await joanna.api('POST', '/workflows/first/resubmit', {});
    t.equal(again.status, 200, again.text);
    t.match(again.json<{ name: string }>().name, /^first-/);
    t.match(await joanna.api('POST', '/workflows/none/stop', {}), { status: 404 });
    t.match((await list(bob)).workflows, [], 'of nobody else');
    const records = (await ann.api('GET', '/audit?action=workflow.resubmitted')).json<{ records: object[] }>().records;
    t.match(records, [{ actor: 'joanna', subject: 'workflow:knot-joanna/first' }]);
  });

  t.test('the command of Argo and kubectl go the same way with a personal token, within its scope', async (t) => {
    const tokenOf = async (...scopes: string[]) =>
      (await joanna.api('POST', '/tokens', { name: scopes.join(), scopes, days: 1 })).json<{ secret: string }>().secret;
    const [secret, reading, other] = [
      await tokenOf('workflows:write', 'kubernetes:write'),
      await tokenOf('workflows:read'),
      await tokenOf('files:write'),
    ];
    // Go resolves no name below `localhost` by itself.
    const hosts = join(cluster.folder, 'hosts');
    writeFileSync(hosts, '127.0.0.1 argo.localhost\n');
    const withHosts = ['--bind', '/', '/', '--dev', '/dev', '--ro-bind', hosts, '/etc/hosts', '--'];
    const run = promisify(execFile);
    const command = async (token: string, http1: boolean, ...args: string[]) => {
      const { stdout } = await run('bwrap', [...withHosts, argo.programs.argo, ...args], {
        env: {
          HOME: cluster.folder,
          PATH: '/usr/bin:/bin',
          ARGO_SERVER: `argo.localhost:${gateway.port}`,
          ARGO_TOKEN: `Bearer ${token}`,
          ARGO_SECURE: 'true',
          ARGO_INSECURE_SKIP_VERIFY: 'true',
          ...(http1 && { ARGO_HTTP1: 'true' }),
        },
      });
      return stdout;
    };
    writeFileSync(
      join(cluster.folder, 'of-cli.yaml'),
      JSON.stringify({ ...hello('by-command'), metadata: { generateName: 'by-command-' } }),
    );
    for (const http1 of [true, false]) {
      const how = http1 ? 'HTTP/1.1' : 'gRPC';
      t.match(await command(secret, http1, 'list', '-n', 'knot-joanna'), /first .*Succeeded/, how);
      t.match(
        await command(secret, http1, 'submit', '-n', 'knot-joanna', join(cluster.folder, 'of-cli.yaml'), '-o', 'name'),
        /by-command/,
        how,
      );
      // Every call of gRPC is a POST, of which the gateway cannot tell that it only reads.
      if (http1) t.match(await command(reading, http1, 'list', '-n', 'knot-joanna'), /first /, how);
      else await t.rejects(command(reading, http1, 'list', '-n', 'knot-joanna'), how);
      await t.rejects(command(secret, http1, 'list', '-n', 'knot-bob'), how);
      await t.rejects(command(secret, http1, 'list', '-A'), how);
      await t.rejects(command(other, http1, 'list', '-n', 'knot-joanna'), how);
      await t.rejects(
        command(reading, http1, 'submit', '-n', 'knot-joanna', join(cluster.folder, 'of-cli.yaml'), '-o', 'name'),
        how,
      );
    }
  });

  t.test(
    'while it is away its tile says so, Knot’s own list is refused in plain words, and afterwards all is well',
    async (t) => {
      const stream = await openStream(t, gateway, joanna, '/api/v1/workflow-events/knot-joanna');
      t.equal(stream.status, 200);
      await argo.server.stop();
      await stream.ended;
      const list = await joanna.api('GET', '/workflows');
      t.match(list, { status: 503 });
      t.match(list.json(), { code: 'KNOT_INTEGRATIONS_ARGO_AWAY', message: 'Argo Workflows does not answer.' });
      t.notMatch(list.text, /127\.0\.0\.1|ECONN/);
      t.equal((await joanna.api('GET', '/tiles')).status, 200);
      t.ok([502, 503].includes((await ask(joanna, 'GET', '/api/v1/userinfo')).status));
      await argo.server.start();
      await eventually('it again', async () => (await joanna.api('GET', '/workflows')).status === 200);
      t.equal((await ask(joanna, 'GET', '/api/v1/userinfo')).status, 200);
    },
  );

  t.test('signing out ends it', async (t) => {
    await submit(bob, 'knot-bob', hello('his'));
    const stream = await openStream(t, gateway, bob, '/api/v1/workflow-events/knot-bob');
    t.equal(stream.status, 200);
    await bob.submit('/logout', {});
    await stream.ended;
    t.equal((await ask(bob, 'GET', '/api/v1/userinfo')).status, 401);
  });

  t.test('what is set up wrong is told by a check, and what is right as well', async (t) => {
    const said = async () => (await gateway.knot(['integrations', 'show', 'argo'])).stdout;
    const { status, stdout } = await gateway.knot(['integrations', 'check', 'argo']);
    t.equal(status, 0, stdout);
    t.match(stdout, /It takes a token of the cluster[\s\S]*It sees those of no other/);
    t.match(await said(), /authModes: \[client\][\s\S]*IP_KEY_FUNC_HEADERS[\s\S]*serviceAccountName: knot-workflow/);
  });

  t.test('the gateway did nothing that its role does not give', async (t) => {
    const { refused } = await rights();
    t.same(refused, []);
  });
}

type Stream = { status: number; text(): string; ended: Promise<void> };

/** An EventSource, as far as it matters here. */
async function openStream(
  t: Test,
  gateway: { port: number; caFile: string },
  who: Person,
  path: string,
): Promise<Stream> {
  const url = `https://argo.localhost:${gateway.port}${path}`;
  const agent = new Agent({
    connect: {
      ca: readFileSync(gateway.caFile),
      lookup: ((
        _host: string,
        options: { all?: boolean },
        done: (error: null, address: unknown, family?: number) => void,
      ) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4))) as never,
    },
    bodyTimeout: 0,
  });
  t.teardown(() => agent.destroy());
  const cookie = [...who.cookiesFor(url)].map(([name, value]) => `${name}=${value}`).join('; ');
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    headers: { cookie, accept: 'text/event-stream' },
  });
  let text = '';
  const ended = (async () => {
    try {
      for await (const chunk of body) text += String(chunk);
    } catch {
      // Cut.
    }
  })();
  return { status: statusCode, text: () => text, ended };
}
