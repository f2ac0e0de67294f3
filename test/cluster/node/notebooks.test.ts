import { type ChildProcess, execFileSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { desiredOf } from '../../../gateway/provisioning/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startGateway } from '../../support/process/gateway.ts';
import { runCell, startKernel } from '../../support/process/kernel.ts';
import { createPerson } from '../../support/process/person.ts';
import { type Helm, openHelm } from '../../charts/helm.ts';
import { hubArchive } from './hub-image.ts';
import { images } from './images.ts';
import { makeNamespace, read } from './pods.ts';
import { addresses } from './settings.ts';
import { serveNames } from './names.ts';
import { type RunningNode, startNode } from './start.ts';

t.setTimeout(600_000);
const node = await startNode(t);

t.test('notebooks as pods', { skip: 'skip' in node ? node.skip : false }, async (t) => {
  if ('skip' in node) return;
  const helm = (await openHelm(t)) as Helm;
  await node.import(await hubArchive());
  const domain = 'knot.test';
  await serveNames(node, { [domain]: addresses.node, [`jupyterhub.${domain}`]: addresses.node }, images.hub);
  await makeNamespace(node, 'knot');
  const chart = (name: string) => join(import.meta.dirname, '../../../charts', name);
  await node.kubectlWith(
    {
      input: await helm([
        'template',
        'knot',
        chart('knot'),
        '-n',
        'knot',
        '-s',
        'templates/rbac-hub.yaml',
        '-s',
        'templates/rbac-user.yaml',
      ]),
    },
    ...['apply', '-f', '-'],
  );
  const port = await node.inward();
  const origin = `https://${domain}:${port}`;
  const values = {
    knot: { origin, hubOrigin: `https://jupyterhub.${domain}:${port}`, authority: { configMap: 'authority' } },
    hub: {
      image: images.hub,
      storage: { existingClaim: 'none' },
      extraConfig: `
c.KubeSpawner.volumes = [{"name": "private", "persistentVolumeClaim": {"claimName": "knot-private"}}]
c.KubeSpawner.volume_mounts = [{"name": "private", "mountPath": "/files/private"}]
`,
    },
    proxy: { image: images.hub },
    notebooks: { image: images.hub, memory: { guarantee: '128M', limit: '1G' } },
  };
  await helm(
    ['install', 'jupyterhub', chart('stack/jupyterhub'), '-n', 'knot', '--kubeconfig', node.kubeconfig, '-f', '-'],
    {
      input: JSON.stringify(values),
    },
  );
  const proxy = await read(node, 'knot', 'service/proxy-public', '.spec.clusterIP');
  const gateway = await startGateway({
    config: {
      domain,
      listen: `0.0.0.0:${port}`,
      integrations: { jupyterhub: { mode: 'external', upstream: `http://${proxy}` } },
    },
    launch: await asPerson(node),
  });
  t.teardown(() => gateway.stop());
  await node.kubectl('-n', 'knot', 'create', 'configmap', 'authority', `--from-file=ca.crt=${gateway.caFile}`);
  const secret = readFileSync(join(gateway.data, 'jupyterhub/client-secret'), 'utf8').trim();
  await node.kubectl(
    '-n',
    'knot',
    'create',
    'secret',
    'generic',
    'jupyterhub-client',
    `--from-literal=secret=${secret}`,
  );
  const ann = createPerson(gateway);
  t.teardown(() => ann.close());
  await ann.fill(await ann.visit(gateway.setupLink!), {
    username: 'ann',
    email: 'ann@example.org',
    password: 'correct-horse-staple-7',
  });
  const hub = `https://jupyterhub.${domain}:${port}`;
  await node.until('deployment/hub', 'condition=Available', 'knot', 120);
  await node.until('deployment/proxy', 'condition=Available', 'knot', 60);
  const { id } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>().user;
  const files = join(gateway.data, 'files');
  const areas = [
    { claim: 'knot-private', folder: `private/${id}` },
    { claim: 'knot-shared', folder: 'shared' },
  ];
  const settings = {
    ...{ namespacePrefix: 'knot-', gatewayNamespace: 'knot', gatewayPort: port, podSecurity: 'restricted' as const },
    ...{
      defaultSize: { cpu: 1, memory: 2 ** 30 },
      apiServer: [{ address: addresses.node, port: 6443 }],
      pullSecrets: [],
    },
    ...{ storage: { kind: 'hostPath' as const, path: files }, hasHub: true },
  };
  await ann.api('GET', '/areas');
  const wanted = { owner: { kind: 'user' as const, id, name: 'ann' }, isPaused: false, limits: {}, areas };
  for (const { object } of desiredOf(wanted, settings)) await node.apply(object);
  const page = await ann.visit(`${hub}/hub/home`);
  t.equal(page.status, 200, page.text.slice(0, 300));
  await ann.visit(`${hub}/`);
  await eventually('lab', async () => (await ann.visit(`${hub}/user/ann/lab`)).url.endsWith('/user/ann/lab'), 120_000);
  const { socketUrl } = await startKernel(ann, hub, 'ann');
  const socket = ann.socket(socketUrl);
  t.equal(await runCell(socket, '6*7'), '42');
  socket.close();
});

/** Runs programs of this checkout as the account that the chart gives the gateway, wherever the checkout is. */
async function asPerson(node: RunningNode) {
  const repository = join(import.meta.dirname, '../../..');
  const place = '/run/knot';
  for (const command of [
    ['mkdir', '-p', place],
    ['mount', '--bind', repository, place],
  ])
    await once(node.spawn(command), 'exit');
  return (command: readonly [string, ...string[]], options: SpawnOptions): ChildProcess => {
    execFileSync('chown', ['-R', '1000:1000', String(options.cwd)]);
    const moved = command.map((word) =>
      word.startsWith(`${repository}/`) ? place + word.slice(repository.length) : word,
    );
    return node.spawn(['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--', ...moved], options);
  };
}
