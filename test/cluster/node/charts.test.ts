import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { mutatePod } from '../../../gateway/admission/index.ts';
import type { JsonObject } from '../../../gateway/lib/index.ts';
import { filledIn, type Manifest, openHelm } from '../../catalogue/rendered.ts';
import { eventually } from '../../support/eventually.ts';
import { applyPatch } from '../../support/json-patch.ts';
import { archiveOf, boxEntries, images, programAt } from './images.ts';
import { makeNamespace, object, read } from './pods.ts';
import { type RunningNode, startNode } from './start.ts';

const namespace = 'knot-ann';
const redisServer = '/usr/bin/redis-server';

const node = await startNode(t, { withNodeImage: true });
if ('skip' in node) t.test('charts on a real node', { skip: node.skip }, async () => undefined);
else
  await t.test('charts on a real node', async (t) => {
    const files = await makeFiles(node);
    const launch = launcher(t, node);
    const hasRedis = existsSync(redisServer);
    if (hasRedis)
      await node.import(
        await archiveOf(
          'redis',
          ['/bin/busybox', redisServer],
          [boxEntries, () => programAt(redisServer, 'usr/bin/redis-server')],
          {},
        ),
      );
    t.jobs = 3;
    t.test('a folder of files is published', (t) => publishes(t, node, files, launch));
    t.test('a program runs beside the files, and sees how a database is reached', (t) => runs(t, node, files, launch));
    t.test(
      'a database asks for its password, and keeps what is in it when it stops',
      { skip: !hasRedis && 'there is no redis-server' },
      (t) => keeps(t, node, files, launch),
    );
  });

type Launch = ReturnType<typeof launcher>;

/** The files of a person on the node, and their claim; in a namespace that lets in nothing that is not restricted. */
async function makeFiles(node: RunningNode): Promise<string> {
  const files = join(node.files, 'private');
  mkdirSync(files, { mode: 0o700 });
  chownSync(files, 1234, 1235);
  await makeNamespace(node, namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' });
  const claim = { accessModes: ['ReadWriteMany'], storageClassName: '' };
  await node.apply(
    object('v1', 'PersistentVolume', undefined, 'ann-private', {
      ...{ ...claim, capacity: { storage: '1Pi' }, hostPath: { path: files } },
      claimRef: { namespace, name: 'knot-private' },
    }),
    object('v1', 'PersistentVolumeClaim', namespace, 'knot-private', {
      ...{ ...claim, volumeName: 'ann-private', resources: { requests: { storage: '1Pi' } } },
    }),
  );
  return files;
}

/** Renders a chart, gives its pods what admission gives them, applies it and waits until it is ready. */
function launcher(t: Test, node: RunningNode) {
  const { render } = openHelm(t, node.programs.helm);
  const grant = {
    ...{ namespace, owner: { name: 'ann' } },
    claims: [{ claim: 'knot-private', path: '/files/private', area: 'own' as const }],
  };
  return async (chart: string, name: string, values: JsonObject): Promise<void> => {
    const filled = filledIn(name, { size: { cpu: '1', memory: '256Mi' } });
    const objects = await render(chart, { ...filled, ...values }, name);
    for (const made of objects) {
      made.metadata.namespace = namespace;
      if (made.kind === 'Deployment') made.spec.template = withFiles(made.spec.template);
    }
    await node.apply(...objects);
    await node.until(`deployment/${name}`, 'condition=Available', namespace, 60);
  };

  function withFiles(template: Manifest): Manifest {
    const mutation = mutatePod(template, grant);
    if ('refused' in mutation) throw new Error(mutation.refused);
    return applyPatch(template, mutation.patch);
  }
}

function imageOf(reference: string): JsonObject {
  const [repository, tag] = reference.split(/:(?=[^:/]+$)/);
  return { repository: repository!, tag: tag! };
}

/** The port of this machine that leads to a Service. */
async function portOf(node: RunningNode, name: string, port: number): Promise<number> {
  return node.inward({ host: await read(node, namespace, `service/${name}`, '.spec.clusterIP'), port });
}

async function publishes(t: Test, node: RunningNode, files: string, launch: Launch): Promise<void> {
  const folder = join(files, 'a "b" $HOME');
  mkdirSync(folder);
  writeFileSync(join(folder, 'index.html'), 'good day');
  for (const path of [folder, join(folder, 'index.html')]) chownSync(path, 1234, 1235);
  await launch('web', 'site', { image: imageOf(images.node), folder: '/files/private/a "b" $HOME' });
  const answer = await eventually('an answer', async () =>
    fetch(`http://127.0.0.1:${await portOf(node, 'site', 80)}/`).catch(() => undefined),
  );
  t.equal(await answer.text(), 'good day');
}

async function runs(t: Test, node: RunningNode, files: string, launch: Launch): Promise<void> {
  await node.apply({
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'db' } },
    ...{ type: 'servicebinding.io/postgresql', stringData: { uri: 'postgresql://ann@db' } },
  });
  const command = [
    'sh',
    '-c',
    'id -u && cat /run/services/db/uri > "$KNOT_PRIVATE_DIR/$(echo seen)" && ls -A / > /tmp/x && ! touch /x',
  ];
  await launch('script', 'task', {
    ...{ image: imageOf(images.node), runner: imageOf(images.node) },
    ...{ command, services: ['db', 'not-there'] },
  });
  const port = await portOf(node, 'task', 80);
  await eventually('its end', async () => {
    // A Service leads nowhere for a moment after its pods have begun to answer.
    const answer = await fetch(`http://127.0.0.1:${port}/state`).catch(() => undefined);
    const { state } = ((await answer?.json()) ?? {}) as { state?: string };
    return state === 'done';
  });
  t.match(await (await fetch(`http://127.0.0.1:${port}/output`)).text(), /^1234\n/);
  t.equal(readFileSync(join(files, 'seen'), 'utf8'), 'postgresql://ann@db');
  t.equal(statSync(join(files, 'seen')).uid, 1234, 'whom files belong to');
}

async function keeps(t: Test, node: RunningNode, files: string, launch: Launch): Promise<void> {
  await launch('redis', 'cache', { image: imageOf(images.redis) });
  const port = await portOf(node, 'cache', 6379);
  const encoded = await read(node, namespace, 'secret/cache', '.data.password');
  const password = Buffer.from(encoded, 'base64').toString();
  // The rules of a Service come a moment after its pods.
  const stranger = await eventually('an answer', () => ask(port, 'GET a').catch(() => ''));
  t.match(stranger, /NOAUTH/);
  t.equal(await ask(port, `AUTH ${password}`, 'SET a kept', 'GET a'), '+OK\r\n+OK\r\n$4\r\nkept\r\n');
  const home = join(files, '.services/cache-01jd');
  t.match(statSync(home), { uid: 1234, mode: 0o40700 }, 'a folder of its own among the files of its owner');
  await node.kubectl('scale', '-n', namespace, 'deployment/cache', '--replicas=0');
  await eventually('that it is gone', async () => {
    const selector = encodeURIComponent('app.kubernetes.io/instance=cache');
    const { body } = await node.request(`/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`);
    return (body.items as unknown[]).length === 0;
  });
  await node.kubectl('scale', '-n', namespace, 'deployment/cache', '--replicas=1');
  await node.until('deployment/cache', 'condition=Available', namespace);
  const again = await eventually('what was kept', async () => {
    const said = await ask(port, `AUTH ${password}`, 'GET a').catch(() => '');
    return said.includes('kept') && said;
  });
  t.equal(again, '+OK\r\n$4\r\nkept\r\n');
}

/** What a Redis says to these commands and QUIT. */
async function ask(port: number, ...commands: string[]): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.write([...commands, 'QUIT', ''].join('\r\n'));
  const said = await text(socket);
  return said.replace(/\+OK\r\n$/, '');
}
