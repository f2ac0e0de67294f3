import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { openClusterAccess } from '../../gateway/app/cluster-access.ts';
import { openKube } from '../../gateway/kube/index.ts';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createPolicy } from '../../gateway/policy/index.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { openGateway } from '../proxy/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { leadTo } from '../support/net/lead-to.ts';
import { sendRaw } from '../support/net/raw-client.ts';

function kubeconfigOf(server: string, authority: string, token: string, proxy?: string) {
  const cluster = { server, 'certificate-authority': authority, ...(proxy !== undefined && { 'proxy-url': proxy }) };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'knot-ann' } }],
    'current-context': 'c',
  };
}

const cluster = await startControlPlane(t, { nodes: 0, users: [{ name: 'gateway' }] });
const skip = 'skip' in cluster ? cluster.skip : false;

t.test('kubectl through Knot, as oneself', { skip }, async (t) => {
  if ('skip' in cluster) return;
  const group = 'rbac.authorization.k8s.io';
  const place = (name: string) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'knot-user', namespace: name } },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'knot-user', namespace: name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'ServiceAccount', name: 'knot-user', namespace: name }],
    },
  ];
  await cluster.apply(...['knot-ann', 'knot-joanna', 'knot-team-physics', 'knot-team-chess'].flatMap(place));
  // What the chart gives the gateway for it, and nothing else.
  await cluster.apply(
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'knot-gateway' },
      rules: [
        { apiGroups: [''], resources: ['serviceaccounts'], resourceNames: ['knot-user'], verbs: ['impersonate'] },
        { apiGroups: ['authentication.k8s.io'], resources: ['userextras/knot.person'], verbs: ['impersonate'] },
      ],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'knot-gateway' },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'knot-gateway' },
      subjects: [{ apiGroup: group, kind: 'User', name: 'gateway' }],
    },
  );
  const folder = t.testdir({});
  const ofGateway = join(folder, 'gateway');
  writeFileSync(ofGateway, JSON.stringify(kubeconfigOf(cluster.server, cluster.caFile, cluster.tokenOf('gateway'))));
  const kube = await openKube({ kubeconfig: ofGateway }, { clock: systemClock });
  t.teardown(() => kube.close());
  const access = await openClusterAccess(kube.connection, {
    publicAddress: publicAddress({ domain: 'localhost' }, 8443),
    namespacePrefix: 'knot-',
    log: silentLog,
  });
  const policy = await createPolicy({
    folder: join(import.meta.dirname, '../../policies'),
    recordReload: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => policy.close());
  const gateway = await openGateway(t, { credentialsOf: access!.credentialsOf, decide: policy.decide });
  await gateway.routes.replace('integration', [access!.route]);
  for (const name of ['physics', 'chess']) {
    const team = await gateway.accounts.createTeam({ name, title: name }, { name: 'test' });
    if (name === 'physics') await gateway.accounts.setMember(team.id, gateway.user.id, 'member', { name: 'test' });
  }
  const by = { actor: 'ann' };
  const { secret } = await gateway.tokens.create(
    { userId: gateway.user.id, name: 'kubectl', scopes: ['kubernetes:write'], days: 1 },
    by,
  );
  const server = `https://kubernetes.localhost:${gateway.port}`;
  writeFileSync(join(folder, 'ca.pem'), gateway.raw.ca);
  const proxy = await leadTo(t, gateway.port);
  const kubeconfig = join(folder, 'kubeconfig');
  const config = kubeconfigOf(server, join(folder, 'ca.pem'), secret, proxy);
  writeFileSync(kubeconfig, JSON.stringify(config));
  const kubectl = (...args: string[]) => cluster.kubectlWith({ kubeconfig }, ...args);

  t.match(JSON.parse(await kubectl('auth', 'whoami', '-o', 'json')), {
    status: {
      userInfo: { username: 'system:serviceaccount:knot-ann:knot-user', extra: { 'knot.person': ['ann'] } },
    },
  });
  await kubectl('create', 'configmap', 'one', '--from-literal=a=b');
  t.equal(await kubectl('get', 'configmap', 'one', '-o', 'jsonpath={.data.a}'), 'b');
  await kubectl('-n', 'knot-team-physics', 'create', 'configmap', 'of-us');
  t.match(await kubectl('-n', 'knot-team-physics', 'get', 'configmaps', '-o', 'name'), /configmap\/of-us/);
  for (const namespace of ['knot-joanna', 'knot-team-chess', 'kube-system', 'default', 'knot-team-physicsx', 'knot-'])
    await t.rejects(kubectl('get', 'secrets', '-n', namespace), /policies do not allow|Forbidden|forbidden/, namespace);
  await t.rejects(kubectl('get', 'secrets', '-A'), /knot-ann:knot-user" cannot list resource "secrets"/);
  await t.rejects(kubectl('get', 'nodes'), /forbidden/i);
  await t.rejects(
    kubectl('get', 'configmaps', '--as=system:admin', '--as-group=system:masters', '-A'),
    /knot-ann:knot-user" cannot list resource "configmaps"/,
    'whoever says to be somebody else is still oneself',
  );

  await t.test('a path that could be read in two ways is nobody’s', async (t) => {
    for (const path of [
      '/api/v1/namespaces/knot-ann/../knot-joanna/secrets',
      '/api/v1/namespaces/knot-ann/%2e%2e/knot-joanna/secrets',
      '/api/v1/namespaces/knot-ann%2f..%2fknot-joanna/secrets',
      '/api/v1//namespaces/knot-joanna/secrets',
      '/api/v1/namespaces;x/knot-joanna/secrets',
    ]) {
      const head = `GET ${path} HTTP/1.1\r\nHost: kubernetes.localhost:${gateway.port}\r\nConnection: close\r\n`;
      const answer = await sendRaw(gateway.raw, `${head}Authorization: Bearer ${secret}\r\n\r\n`);
      t.ok([400, 403].includes(answer.status), `${path} ${answer.status}`);
    }
    const asked = (await cluster.auditLog()).filter(({ user }) => user.username === 'gateway');
    t.ok(asked.length > 0);
    t.strictSame(
      asked.filter(({ requestURI }) => requestURI.includes('joanna')),
      [],
      'nothing of it reached the API server',
    );
  });

  await t.test('a watch is live, and ends when the token does', async (t) => {
    const [program, ...before] = cluster.programs.kubectl;
    const watch = ['--kubeconfig', kubeconfig, 'get', 'configmaps', '--watch', '-o', 'name'];
    const watching = spawn(program, [...before, ...watch], { stdio: ['ignore', 'pipe', 'ignore'] });
    t.teardown(() => watching.kill('SIGKILL'));
    let said = '';
    watching.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<void>((resolve) => watching.once('exit', () => resolve()));
    await eventually('it watches', () => said.includes('configmap/one'));
    await cluster.kubectl('-n', 'knot-ann', 'create', 'configmap', 'two');
    await eventually('what changes is shown', () => said.includes('configmap/two'));
    await eventually('it can be found', () => gateway.live.count() > 0);
    await gateway.tokens.revoke(gateway.user.id, (await gateway.tokens.list(gateway.user.id))[0]!.id, by);
    await ended;
    t.equal(gateway.live.count(), 0);
    await t.rejects(kubectl('get', 'configmaps'), /must be logged in|Unauthorized|not valid/);
  });

  await t.test('who shows nothing, and who signs in there with a certificate, is told so', async (t) => {
    const anonymous = join(folder, 'anonymous');
    writeFileSync(anonymous, JSON.stringify({ ...config, users: [{ name: 'u', user: { token: 'x' } }] }));
    await t.rejects(cluster.kubectlWith({ kubeconfig: anonymous }, 'get', 'pods'), /logged in|Unauthorized|not valid/);
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (_, message) => void warned.push(message) };
    const other = await openKube(
      { kubeconfig: await cluster.kubeconfigOf({ name: 'knot', groups: ['system:masters'] }) },
      { clock: systemClock },
    );
    t.teardown(() => other.close());
    const none = await openClusterAccess(other.connection, {
      publicAddress: publicAddress({ domain: 'localhost' }, 1),
      namespacePrefix: 'knot-',
      log,
    });
    t.equal(none, undefined);
    t.match(warned, [/cannot use kubectl/]);
  });
});
