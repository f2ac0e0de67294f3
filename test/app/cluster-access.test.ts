import { spawn } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { openClusterAccess } from '../../gateway/app/cluster-access.ts';
import { openKube } from '../../gateway/kube/index.ts';
import { type Log, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { openGateway } from '../proxy/fixture.ts';
import { eventually } from '../support/eventually.ts';

t.setTimeout(120_000);

/** Programs resolve no name below `localhost`: they are told of a proxy (RFC 9110 section 9.3.6), which leads all of them here. */
async function leadTo(t: Test, port: number): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    client.once('data', () => {
      const gateway = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(gateway).pipe(client);
      });
      sockets.add(gateway);
      gateway.on('error', () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const cluster = await startControlPlane(t, { nodes: 0 });
const skip = 'skip' in cluster ? cluster.skip : false;

t.test('kubectl through Knot, as oneself', { skip }, async (t) => {
  if ('skip' in cluster) return;
  const namespaceOf = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `knot-${name}` } });
  const group = 'rbac.authorization.k8s.io';
  const rights = (name: string) => ({
    apiVersion: `${group}/v1`,
    kind: 'RoleBinding',
    metadata: { name: 'knot-user', namespace: `knot-${name}` },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'edit' },
    subjects: [{ apiGroup: group, kind: 'Group', name: `knot:user:${name}` }],
  });
  await cluster.apply(namespaceOf('ann'), namespaceOf('joanna'));
  await cluster.apply(rights('ann'), rights('joanna'));

  const kube = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock });
  t.teardown(() => kube.close());
  const access = await openClusterAccess(kube.connection, {
    publicAddress: publicAddress({ domain: 'localhost' }, 8443),
    log: silentLog,
  });
  const gateway = await openGateway(t, { credentialsOf: access!.credentialsOf });
  await gateway.routes.replace('integration', [access!.route]);
  const by = { actor: 'ann' };
  const { secret } = await gateway.tokens.create(
    { userId: gateway.user.id, name: 'kubectl', scopes: ['kubernetes:write'], days: 1 },
    by,
  );
  const folder = t.testdir({});
  const server = `https://kubernetes.localhost:${gateway.port}`;
  writeFileSync(join(folder, 'ca.pem'), gateway.raw.ca);
  const proxy = await leadTo(t, gateway.port);
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'k', cluster: { server, 'certificate-authority': join(folder, 'ca.pem'), 'proxy-url': proxy } }],
    users: [{ name: 'u', user: { token: secret } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'knot-ann' } }],
    'current-context': 'c',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const kubectl = (...args: string[]) => cluster.kubectlWith({ kubeconfig }, ...args);

  t.match(JSON.parse(await kubectl('auth', 'whoami', '-o', 'json')), {
    status: { userInfo: { username: 'knot:ann', groups: ['knot:user:ann', 'system:authenticated'] } },
  });
  await kubectl('create', 'configmap', 'one', '--from-literal=a=b');
  t.equal(await kubectl('get', 'configmap', 'one', '-o', 'jsonpath={.data.a}'), 'b');
  await t.rejects(kubectl('get', 'secrets', '-n', 'knot-joanna'), /"knot:ann" cannot list resource "secrets"/);
  await t.rejects(kubectl('get', 'nodes'), /forbidden/i);
  await t.rejects(
    kubectl('get', 'configmaps', '--as=system:admin', '--as-group=system:masters', '-n', 'knot-joanna'),
    /"knot:ann" cannot list resource "configmaps"/,
    'whoever says to be somebody else is still oneself',
  );

  await t.test('a watch is live, and ends when the token does', async (t) => {
    const [program, ...before] = cluster.programs.kubectl;
    const watch = ['--kubeconfig', kubeconfig, 'get', 'configmaps', '--watch', '-o', 'name'];
    const watching = spawn(program, [...before, ...watch], { stdio: ['ignore', 'pipe', 'ignore'] });
    t.teardown(() => watching.kill('SIGKILL'));
    let said = '';
    watching.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<void>((resolve) => watching.once('exit', () => resolve()));
    await eventually('it watches', () => said.includes('configmap/one'), 20_000);
    await cluster.kubectl('-n', 'knot-ann', 'create', 'configmap', 'two');
    await eventually('what changes is shown', () => said.includes('configmap/two'), 20_000);
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
      log,
    });
    t.equal(none, undefined);
    t.match(warned, [/cannot use kubectl/]);
  });
});
