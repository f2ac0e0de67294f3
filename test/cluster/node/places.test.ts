import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createAdmission, type Grant } from '../../../gateway/admission/index.ts';
import { openKube } from '../../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { type ClusterSettings, desiredOf, type Wanted } from '../../../gateway/provisioning/index.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/net/free-port.ts';
import { images } from './images.ts';
import { answering, execute, makeNamespace, object, pod, read } from './pods.ts';
import { addresses } from './settings.ts';
import { type RunningNode, startNode } from './start.ts';

/** The places that provisioning makes, on a node that runs pods, mounts volumes and enforces NetworkPolicies. */

/** An address of the world, of a provider's metadata (RFC 5737, RFC 3927): both are given to the node, where nothing leads outside. */
const [world, metadata] = ['198.51.100.7', '169.254.169.254'];

/** What charts/knot gives people, as far as it is needed here. */
const clusterRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'knot-user' },
  rules: [{ apiGroups: [''], resources: ['pods', 'persistentvolumeclaims'], verbs: ['get', 'list', 'create'] }],
};

const node = await startNode(t);
if ('skip' in node) t.test('places on a real node', { skip: node.skip }, async () => undefined);
else {
  const people = await makePlaces(t, node);
  await t.test('places on a real node', { jobs: 3 }, async (t) => {
    t.test('every container has the files of its owner and of nobody else', (t) => haveFiles(t, node, people));
    t.test('nobody comes to the volume of somebody else', (t) => keepVolumes(t, node));
    t.test('nobody reaches what is not theirs over the network', (t) => keepNetworks(t, node));
    t.test('a pod that says nothing is nobody in the cluster; one that asks is its owner there', (t) =>
      areNobody(t, node),
    );
  });
}

type Person = { wanted: Wanted; grant: Grant; folder: string };

/** Ann is in a team, Joanna is not. Their names are alike. */
async function makePlaces(t: Test, node: RunningNode): Promise<Record<'ann' | 'joanna', Person>> {
  const settings: ClusterSettings = {
    namespacePrefix: 'knot-',
    gatewayNamespace: 'knot',
    gatewayPort: 8443,
    podSecurity: 'baseline',
    defaultSize: { cpu: 1, memory: 256 * 1024 * 1024 },
    apiServer: [{ address: addresses.node, port: Number(new URL(node.server).port) }],
    storage: { kind: 'hostPath', path: node.files },
    pullSecrets: [],
  };
  const areaOf = {
    private: (name: string) => ({
      claim: 'knot-private',
      folder: `private/${name}`,
      path: '/files/private',
      area: 'own' as const,
    }),
    shared: { claim: 'knot-shared', folder: 'shared', path: '/files/shared', area: 'shared' as const },
    team: { claim: 'knot-team-physics', folder: 'team/physics', path: '/files/team/physics', area: 'team' as const },
  };
  const personOf = (name: string, areas: (typeof areaOf.team | typeof areaOf.shared)[]): Person => {
    const all = [areaOf.private(name), ...areas];
    for (const { folder } of all) {
      mkdirSync(join(node.files, folder), { recursive: true });
      chmodSync(join(node.files, folder), 0o777);
    }
    return {
      wanted: { owner: { kind: 'user', id: `id-${name}`, name }, isPaused: false, limits: {}, areas: all },
      grant: { namespace: `knot-${name}`, owner: { name }, claims: all },
      folder: join(node.files, 'private', name),
    };
  };
  const people = { ann: personOf('ann', [areaOf.shared, areaOf.team]), joanna: personOf('joanna', [areaOf.shared]) };
  await makeNamespace(node, 'knot');
  await node.apply(clusterRole);
  for (const { wanted } of Object.values(people)) {
    const [namespace, ...others] = desiredOf(wanted, settings).map((desired) => desired.object);
    await node.apply(namespace!);
    await node.apply(...others);
  }
  await openAdmission(
    t,
    node,
    async (name) => Object.values(people).find(({ grant }) => grant.namespace === name)?.grant,
  );
  return people;
}

async function openAdmission(t: Test, node: RunningNode, findGrant: (name: string) => Promise<Grant | undefined>) {
  const kube = await openKube({ kubeconfig: node.kubeconfig }, { clock: systemClock });
  t.teardown(() => kube.close());
  const port = await freePort();
  // The API server is inside, the listener is here.
  await node.outward({ host: '127.0.0.1', port }, port);
  const admission = createAdmission({
    kube,
    settings: {
      rules: { gatewayNamespace: 'knot', servicesDomain: 'example.org', csiDrivers: [], ephemeralContainers: false },
      listen: { host: '127.0.0.1', port },
      url: `https://127.0.0.1:${port}`,
      clientNames: [],
    },
    findGrant,
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => admission.close());
  await admission.look();
  await eventually('pods are given their files', async () => {
    const { body } = await node.request('/api/v1/namespaces/knot-ann/pods?dryRun=All', {
      method: 'POST',
      body: pod('knot-ann', 'try'),
    });
    return body.spec?.volumes?.some(({ name }: { name: string }) => name.includes('private'));
  });
}

async function haveFiles(t: Test, node: RunningNode, people: Record<'ann' | 'joanna', Person>) {
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
  t.equal(readFileSync(join(people.ann.folder, 'by-init'), 'utf8'), 'ann\n');
  t.equal(readFileSync(join(node.files, 'shared/all'), 'utf8'), 'ann\n');
  t.equal(readFileSync(join(node.files, 'team/physics/ours'), 'utf8'), 'ann\n');
  await node.apply(
    pod('knot-joanna', 'reader', {
      restartPolicy: 'Never',
      containers: [{ name: 'c', ...runs('cd /files; find . -type f; find . -type d') }],
    }),
  );
  await node.until('pod/reader', 'jsonpath={.status.phase}=Succeeded', 'knot-joanna');
  const found = (await node.kubectl('logs', '-n', 'knot-joanna', 'reader')).trim().split('\n').toSorted();
  t.same(found, ['.', './private', './shared', './shared/all']);
}

async function keepVolumes(t: Test, node: RunningNode) {
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
  const onHost = pod('knot-ann', 'host', { volumes: [{ name: 'v', hostPath: { path: node.files } }] });
  await t.rejects(node.apply(onHost), /forbidden/);
}

async function keepNetworks(t: Test, node: RunningNode) {
  const serves = (namespace: string, name: string, labels = {}) => {
    const made = pod(namespace, name, {
      containers: [
        { name: 'c', image: images.box, command: ['httpd', '-f', '-p', '8443', '-h', '/etc'], ...answering(8443) },
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
    object('v1', 'Service', 'knot-joanna', 'server', { selector: { name: 'server' }, ports: [{ port: 8443 }] }),
    serves('knot', 'gateway', { 'app.kubernetes.io/name': 'knot' }),
    serves('knot', 'database'),
  );
  await Promise.all(
    Object.values(pods).map(([namespace, name]) => node.until(`pod/${name}`, 'condition=Ready', namespace)),
  );
  await node.until('pod/client', 'condition=Ready', 'knot-ann');
  for (const address of [world, metadata]) await onNode(node, ['ip', 'addr', 'add', `${address}/32`, 'dev', 'node0']);
  const listener = node.spawn(['busybox', 'httpd', '-f', '-p', '8443', '-h', '/etc'], { stdio: 'ignore' });
  t.teardown(() => listener.kill());

  const targets: Record<string, string> = {
    'the API server, by its Service': '10.96.0.1 443',
    'the kubelet': `${addresses.node} 10250`,
    'the machine': `${addresses.node} 8443`,
    'metadata of a cloud': `${metadata} 8443`,
    'the world': `${world} 8443`,
    "Joanna's Service": `${await read(node, 'knot-joanna', 'service/server', '.spec.clusterIP')} 8443`,
  };
  for (const [who, [namespace, name]] of Object.entries(pods)) {
    targets[who] = `${await read(node, namespace, `pod/${name}`, '.status.podIP')} 8443`;
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
    60_000,
  );
  t.same(
    (await reachedFrom('knot-joanna', 'server')).filter((who) => who === 'own'),
    [],
    'nor does Joanna come to Ann',
  );
  t.ok((await reachedFrom('knot', 'gateway')).includes('own'), 'the gateway reaches what Ann runs');
  t.notOk((await reachedFrom('knot', 'database')).includes('own'), 'what else runs beside it does not');
}

async function areNobody(t: Test, node: RunningNode) {
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
