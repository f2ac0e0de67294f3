import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { eventually } from '../../support/eventually.ts';
import { images } from './images.ts';
import { answering, execute, object, pod, read } from './pods.ts';
import { addresses } from './settings.ts';
import type { RunningNode } from './start.ts';

/**
 * What must hold between Ann, who is in the team physics, and Joanna, who is not: on a node that runs pods, mounts volumes and enforces
 * NetworkPolicies. The gateway is in the namespace `knot`.
 */
export type Place = {
  /** Of the files of all. */
  folder: string;
  /** Names of folders in it. */
  privateOfAnn: string;
  team: string;
  /** That pods find the gateway at. */
  gatewayPort: number;
};

/** An address of the world, of a provider's metadata (RFC 5737, RFC 3927): both are given to the node, where nothing leads outside. */
const [world, metadata] = ['198.51.100.7', '169.254.169.254'];

export async function haveFiles(t: Test, node: RunningNode, { folder, privateOfAnn, team }: Place) {
  const runs = (script: string) => ({ image: images.box, command: ['sh', '-c', script] });
  await node.apply(
    pod('knot-ann', 'writer', {
      restartPolicy: 'Never',
      initContainers: [{ name: 'first', ...runs('echo $KNOT_USERNAME > $KNOT_PRIVATE_DIR/by-init') }],
      containers: [
        {
          name: 'then',
          ...runs('cp /files/private/by-init /files/shared/all; cp /files/shared/all /files/team/physics/ours'),
        },
      ],
    }),
  );
  await node.until('pod/writer', 'jsonpath={.status.phase}=Succeeded', 'knot-ann');
  t.equal(readFileSync(join(folder, privateOfAnn, 'by-init'), 'utf8'), 'ann\n');
  t.equal(readFileSync(join(folder, 'shared/all'), 'utf8'), 'ann\n');
  t.equal(readFileSync(join(folder, team, 'ours'), 'utf8'), 'ann\n');
  await node.apply(
    pod('knot-joanna', 'reader', {
      restartPolicy: 'Never',
      containers: [{ name: 'c', ...runs('cd /files; find . -type f; find . -type d') }],
    }),
  );
  await node.until('pod/reader', 'jsonpath={.status.phase}=Succeeded', 'knot-joanna');
  const found = (await node.kubectl('logs', '-n', 'knot-joanna', 'reader')).trim().split('\n');
  t.same(found.filter((path) => !path.startsWith('./private/')).toSorted(), [
    '.',
    './private',
    './shared',
    './shared/all',
  ]);
  t.notOk(found.includes('./private/by-init'));
}

export async function keepVolumes(t: Test, node: RunningNode, { folder }: Place) {
  const steal = (name: string, volumeName: string) =>
    object('v1', 'PersistentVolumeClaim', 'knot-ann', name, {
      accessModes: ['ReadWriteMany'],
      storageClassName: '',
      resources: { requests: { storage: '1Mi' } },
      volumeName,
    });
  const mounts = (claimName: string) =>
    pod('knot-ann', claimName, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] });
  const volume = 'knot-joanna.knot-private';
  const outcomes = await Promise.all(
    [steal('stolen', volume), mounts('stolen')].map((object) =>
      node.apply(object).then(
        () => 'made',
        (error: Error) => error.message,
      ),
    ),
  );
  t.comment(outcomes.join('\n'));
  if (outcomes.every((outcome) => outcome === 'made')) {
    await node.until('pod/stolen', 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].status}=False', 'knot-ann');
  }
  t.equal(await read(node, 'default', `pv/${volume}`, '.spec.claimRef.namespace'), 'knot-joanna');
  t.equal(await read(node, 'knot-joanna', 'pvc/knot-private', '.status.phase'), 'Bound');
  const onHost = pod('knot-ann', 'host', { volumes: [{ name: 'v', hostPath: { path: folder } }] });
  await t.rejects(node.apply(onHost), /forbidden/);
}

export async function keepNetworks(t: Test, node: RunningNode, { gatewayPort: port }: Place) {
  const serves = (namespace: string, name: string, labels = {}) => {
    const made = pod(namespace, name, {
      containers: [
        {
          name: 'c',
          image: images.box,
          command: ['httpd', '-f', '-p', String(port), '-h', '/etc'],
          ...answering(port),
        },
      ],
    });
    return { ...made, metadata: { ...made.metadata, labels: { ...made.metadata.labels, ...labels } } };
  };
  const pods = {
    own: ['knot-ann', 'server'],
    "Joanna's": ['knot-joanna', 'server'],
    'the gateway': ['knot', 'gateway'],
    'the database beside the gateway': ['knot', 'database'],
  } as const;
  await node.apply(
    serves('knot-ann', 'server'),
    pod('knot-ann', 'client'),
    serves('knot-joanna', 'server'),
    object('v1', 'Service', 'knot-joanna', 'server', { selector: { name: 'server' }, ports: [{ port }] }),
    serves('knot', 'gateway', { 'app.kubernetes.io/name': 'knot', 'app.kubernetes.io/component': 'gateway' }),
    serves('knot', 'database'),
  );
  await Promise.all(
    Object.values(pods).map(([namespace, name]) => node.until(`pod/${name}`, 'condition=Ready', namespace)),
  );
  await node.until('pod/client', 'condition=Ready', 'knot-ann');
  for (const address of [addresses.node, world, metadata]) {
    if (address !== addresses.node) await onNode(node, ['ip', 'addr', 'add', `${address}/32`, 'dev', 'node0']);
    const listener = node.spawn(['busybox', 'httpd', '-f', '-p', `${address}:${port}`, '-h', '/etc'], {
      stdio: 'ignore',
    });
    t.teardown(() => listener.kill());
  }

  const targets: Record<string, string> = {
    'the API server, by its Service': '10.96.0.1 443',
    'the kubelet': `${addresses.node} 10250`,
    'the machine': `${addresses.node} ${port}`,
    'metadata of a cloud': `${metadata} ${port}`,
    'the world': `${world} ${port}`,
    "Joanna's Service": `${await read(node, 'knot-joanna', 'service/server', '.spec.clusterIP')} ${port}`,
  };
  for (const [who, [namespace, name]] of Object.entries(pods)) {
    targets[who] = `${await read(node, namespace, `pod/${name}`, '.status.podIP')} ${port}`;
  }
  const reachedFrom = async (namespace: string, name: string): Promise<string[]> => {
    const probes = Object.entries(targets).map(
      ([who, to]) => `(timeout 6 nc -w 5 ${to} </dev/null >/dev/null 2>&1 && echo "${who}") &`,
    );
    const said = await execute(node, namespace, name, 'sh', '-c', `${probes.join('\n')}\nwait`);
    return said
      .split('\n')
      .filter((line) => line !== '')
      .toSorted();
  };
  const open = ['own', 'the API server, by its Service', 'the gateway', 'the world'];
  let reached: string[] = [];
  await eventually(
    () => `Ann reaches ${open.join(', ')} and nothing else, not: ${reached.join(', ')}`,
    async () => {
      reached = await reachedFrom('knot-ann', 'client');
      return JSON.stringify(reached) === JSON.stringify(open);
    },
  );
  t.same(
    (await reachedFrom('knot-joanna', 'server')).filter((who) => who === 'own'),
    [],
    'nor does Joanna come to Ann',
  );
  t.ok((await reachedFrom('knot', 'gateway')).includes('own'), 'the gateway reaches what Ann runs');
  t.notOk((await reachedFrom('knot', 'database')).includes('own'), 'what else runs beside it does not');
}

export async function areNobody(t: Test, node: RunningNode) {
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  await node.apply(
    pod('knot-ann', 'silent'),
    pod('knot-ann', 'asking', { serviceAccountName: 'knot-user', automountServiceAccountToken: true }),
  );
  await node.until('pod/silent', 'condition=Ready', 'knot-ann');
  await t.rejects(execute(node, 'knot-ann', 'silent', 'cat', token), /No such file/);
  await node.until('pod/asking', 'condition=Ready', 'knot-ann');
  const hers = { token: await execute(node, 'knot-ann', 'asking', 'cat', token) };
  t.equal((await node.request('/api/v1/namespaces/knot-ann/pods', hers)).status, 200);
  t.equal((await node.request('/api/v1/namespaces/knot-joanna/pods', hers)).status, 403);
  t.equal((await node.request('/api/v1/persistentvolumes', hers)).status, 403);
}

async function onNode(node: RunningNode, command: string[]): Promise<void> {
  const status = await new Promise((resolve) => node.spawn(command, { stdio: 'ignore' }).on('close', resolve));
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${String(status)}`);
}
