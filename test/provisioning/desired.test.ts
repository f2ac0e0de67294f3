import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import {
  cloneOf,
  type ClusterSettings,
  type Desired,
  desiredOf,
  type Storage,
  type Wanted,
} from '../../gateway/provisioning/index.ts';
import { addressBlocks, closedNetworks, namespaceOf } from '../../gateway/lib/index.ts';
import { undecidedOf } from '../../gateway/provisioning/desired/desired.ts';
import { differencesOf } from '../../gateway/provisioning/differences.ts';
import { keyOf } from '../../gateway/provisioning/observed.ts';
import { bytesQuantity, countQuantity } from '../../gateway/provisioning/desired/quantity.ts';

const gib = 1024 ** 3;
const settings: ClusterSettings = {
  namespacePrefix: 'knot-',
  gatewayNamespace: 'knot',
  gatewayPort: 8443,
  podSecurity: 'baseline',
  defaultSize: { cpu: 1, memory: gib },
  apiServer: [{ address: '192.168.7.2', port: 6443 }],
  storage: { kind: 'hostPath', path: '/srv/files/' },
  pullSecrets: [],
};
const ann: Wanted = {
  owner: { kind: 'user', id: 'id-of-ann', name: 'ann' },
  isPaused: false,
  limits: {},
  areas: [
    { claim: 'knot-private', folder: 'private/id-of-ann' },
    { claim: 'knot-shared', folder: 'shared' },
  ],
};
const physics: Wanted = {
  owner: { kind: 'team', id: 'id-of-physics', name: 'physics' },
  isPaused: false,
  limits: {},
  areas: [
    { claim: 'knot-shared', folder: 'shared' },
    { claim: 'knot-team-physics', folder: 'team/id-of-physics' },
  ],
};
const plan: Wanted['limits'] = {
  ...{ cpu: 0.5, memory: 4 * gib, storage: 20 * gib, services: 3, idleSeconds: 3600 },
  resources: { 'nvidia.com/gpu': 1 },
};
const volumeWith = (source: object) => ({
  ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv-1' } },
  spec: { capacity: { storage: '1Ti' }, ...source },
});

/** Only the objects of one step: the rest is in another file. */
const files = (wanted: Wanted, storage: Storage): Desired[] =>
  desiredOf(wanted, { ...settings, storage }).filter(({ step }) => step === 'files');

const golden: Record<string, Desired[]> = {
  person: desiredOf(ann, settings),
  'person-with-a-plan': desiredOf({ ...ann, limits: plan }, settings).filter(({ step }) => step === 'limits'),
  'person-disabled': desiredOf({ ...ann, isPaused: true }, settings).filter(({ step }) => step !== 'network'),
  'person-in-a-team': files({ ...ann, areas: [...ann.areas, physics.areas[1]!] }, settings.storage),
  team: desiredOf(physics, { ...settings, podSecurity: 'restricted', pullSecrets: ['knot-registry'], apiServer: [] }),
  'storage-nfs': files(ann, { kind: 'nfs', server: 'files.example', path: '/export/knot' }),
  'storage-claim-of-a-host-path': files(ann, cloneOf(volumeWith({ hostPath: { path: '/srv/knot' } }))),
  'storage-claim-of-nfs': files(
    ann,
    cloneOf(volumeWith({ mountOptions: ['nfsvers=4.2'], nfs: { server: 'files.example', path: '/export/' } })),
  ),
  'storage-claim-of-nfs-by-csi': files(
    ann,
    cloneOf(
      volumeWith({
        csi: {
          driver: 'nfs.csi.k8s.io',
          volumeHandle: 'x',
          volumeAttributes: { server: 'files.example', share: '/export', subdir: 'pvc-1' },
        },
      }),
    ),
  ),
  'storage-claim-of-efs': files(
    ann,
    cloneOf(volumeWith({ csi: { driver: 'efs.csi.aws.com', volumeHandle: 'fs-0a1b:/knot' } })),
  ),
};

for (const [name, desired] of Object.entries(golden)) {
  t.test(`what there shall be: ${name}`, async (t) => {
    const text = desired.map(({ step, object }) => `# ${step}\n${stringify(object, { lineWidth: 0 })}`).join('---\n');
    const file = join(import.meta.dirname, 'golden', `${name}.yaml`);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
    t.equal(text, readFileSync(file, 'utf8'));
  });
}

t.test('a hub beside the gateway may start pods in the namespaces of people, and of nobody else', async (t) => {
  const rights = (owner: Wanted, more: Partial<ClusterSettings>) =>
    desiredOf(owner, { ...settings, ...more })
      .filter(({ step }) => step === 'rights')
      .map(({ object }) => [object.metadata.name, object['subjects']] as const);
  const hub = [{ kind: 'ServiceAccount', name: 'hub', namespace: settings.gatewayNamespace }];
  t.strictSame(rights(ann, { hasHub: true })[1], ['knot-hub', hub]);
  for (const [owner, more] of [
    [ann, {}],
    [physics, { hasHub: true }],
  ] as const)
    t.strictSame(
      rights(owner, more).map(([name]) => name),
      ['knot-user'],
    );
  t.strictSame(rights({ ...ann, isPaused: true }, { hasHub: true }), []);
});

t.test('pods reach the world, and no network that programs of one machine are shut out of', async (t) => {
  const world = desiredOf(ann, settings).find(({ object }) => object.metadata.name === 'knot-world')!.object;
  const { egress } = world['spec'] as { egress: { to: { ipBlock: { cidr: string; except: string[] } }[] }[] };
  const blocks = egress.flatMap(({ to }) => to.map(({ ipBlock }) => ipBlock));
  t.strictSame(
    blocks.map(({ cidr }) => cidr),
    ['0.0.0.0/0', '::/0'],
  );
  t.strictSame(blocks.flatMap(({ except }) => except).sort(), [...closedNetworks].sort());
  for (const { cidr, except } of blocks)
    for (const network of except) {
      t.equal(network.includes(':'), cidr.includes(':'), `${network} is within ${cidr}`);
      // What enforces policies may keep them as intervals, of which none may lie within another.
      const others = addressBlocks(except.filter((other) => other !== network));
      t.notOk(others.has(network.split('/')[0]!), `${network} is within no other`);
    }
  const closed = addressBlocks(blocks.flatMap(({ except }) => except));
  for (const address of [
    ...[
      '192.88.99.1',
      '100::1',
      '2001:0:1::1',
      '2001:1::1',
      'fec0::1',
      '5f00::1',
      '::ffff:0:10.0.0.1',
      'fd00:ec2::254',
    ],
    ...['127.0.0.1', '::1', '::', '0.0.0.0', '224.0.0.1', '255.255.255.255', 'ff02::1', '169.254.169.254', 'fe80::1'],
    ...['10.1.2.3', '172.31.255.255', '192.168.0.1', '100.127.255.255', '64:ff9b::a00:1', '2002:a00:1::1', '::a00:1'],
  ])
    t.ok(closed.has(address), address);
  for (const address of [
    '1.1.1.1',
    '9.255.255.255',
    '172.32.0.1',
    '192.89.0.1',
    '2606:4700::1111',
    '2001:4860:4860::8888',
  ])
    t.notOk(closed.has(address), address);
});

t.test('names are looked up of whoever does that in the cluster, on a node too, and of nobody else', async (t) => {
  const names = (nameServers: string[]) => {
    const found = desiredOf(ann, { ...settings, nameServers }).find(
      ({ object }) => object.metadata.name === 'knot-names',
    );
    return (found!.object['spec'] as { egress: { to: object[]; ports: { port: number }[] }[] }).egress;
  };
  t.equal(names([]).length, 1);
  const [, onNode] = names(['169.254.20.10', 'fd00::a']);
  t.strictSame(onNode!.to, [{ ipBlock: { cidr: '169.254.20.10/32' } }, { ipBlock: { cidr: 'fd00::a/128' } }]);
  t.strictSame(
    onNode!.ports.map(({ port }) => port),
    [53, 53],
    'and for nothing but that',
  );
});

t.test('an administrator of Knot is in the cluster what everybody is', async (t) => {
  // There is nothing in `Wanted` that says who is one.
  t.strictSame(Object.keys(ann).sort(), ['areas', 'isPaused', 'limits', 'owner']);
});

t.test('no two owners have one namespace or one volume', async (t) => {
  const names = [
    { kind: 'user', name: 'a' },
    { kind: 'team', name: 'a' },
    { kind: 'user', name: 'team' },
    { kind: 'team', name: 'team' },
    { kind: 'user', name: 'teama' },
  ] as const;
  const namespaces = names.map((owner) => namespaceOf(settings, owner));
  t.equal(new Set(namespaces).size, names.length);
  const volumes = namespaces.flatMap((_, index) => {
    const owner = { ...names[index]!, id: String(index) };
    return files({ ...ann, owner }, settings.storage)
      .filter(({ object }) => object.kind === 'PersistentVolume')
      .map(({ object }) => object.metadata.name);
  });
  t.equal(new Set(volumes).size, volumes.length);
});

t.test('a volume that cannot be divided is not given to anybody', async (t) => {
  for (const source of [
    { csi: { driver: 'rbd.csi.ceph.com', volumeHandle: 'h' } },
    { csi: { driver: 'efs.csi.aws.com', volumeHandle: 'fs-0a1b::fsap-1' } },
    { iscsi: { targetPortal: 'x' } },
  ]) {
    const storage = cloneOf(volumeWith(source));
    t.equal(storage.kind, 'unusable', JSON.stringify(source));
    t.strictSame(files(ann, storage), []);
  }
});

t.test(
  'while nobody knows where the files are, what is there of them stays; what was lost goes all the same',
  async (t) => {
    const before = desiredOf({ ...ann, areas: [...ann.areas, physics.areas[1]!] }, settings);
    const objects = new Map(before.map(({ object }) => [keyOf(object), object]));
    const unusable: ClusterSettings = { ...settings, storage: { kind: 'unusable', cause: 'gone' } };
    const left = differencesOf(desiredOf(ann, unusable), { namespace: undefined, objects }, undecidedOf(ann, unusable));
    t.strictSame(
      left.filter(({ is }) => is === 'unwanted').map(({ key }) => key),
      ['PersistentVolume/knot-ann.knot-team-physics', 'PersistentVolumeClaim/knot-team-physics'],
    );
    t.strictSame([...undecidedOf(ann, settings)], [], 'where they are known nothing is undecided');
  },
);

t.test('amounts are written as the API server writes them back', async (t) => {
  t.strictSame([0, 0.1, 0.5, 1, 1.5, 64, 1000, 1500, 2_000_000].map(countQuantity), [
    ...['0', '100m', '500m', '1', '1500m', '64', '1k', '1500', '2M'],
  ]);
  t.strictSame([0, 1, 1000, 1024, 1536, 20e9, 20 * gib, 1024 ** 2 + 1].map(bytesQuantity), [
    ...['0', '1', '1k', '1Ki', '1536', '19531250Ki', '20Gi', '1048577'],
  ]);
});

t.test(
  'where there is Argo Workflows an owner has an account for it, with rights in the one namespace, until paused',
  async (t) => {
    const bindings = (wanted: Wanted, hasArgo: boolean) =>
      desiredOf(wanted, { ...settings, hasArgo })
        .map(({ object }) => object)
        .filter(({ metadata }) => ['knot-argo', 'knot-workflow'].includes(metadata.name));
    t.same(
      bindings(ann, true).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
      [
        'ServiceAccount knot-ann/knot-workflow',
        'ServiceAccount knot-ann/knot-argo',
        'RoleBinding knot-ann/knot-argo',
      ].concat('RoleBinding knot-ann/knot-workflow'),
    );
    t.match(bindings(physics, true).at(-2), {
      roleRef: { kind: 'ClusterRole', name: 'knot-argo' },
      subjects: [{ kind: 'ServiceAccount', name: 'knot-argo', namespace: 'knot-team-physics' }],
    });
    t.match(bindings(ann, true)[0], { automountServiceAccountToken: true }, 'steps tell how they ended');
    const left = bindings({ ...ann, isPaused: true }, true).map(({ kind }) => kind);
    t.notOk(left.includes('RoleBinding'), 'a token that was kept is worth nothing');
    t.same(
      bindings(ann, false).map(({ metadata }) => metadata.name),
      ['knot-workflow'],
    );
  },
);

t.test(
  'members of a team use its workflows as the accounts of their own namespaces, for as long as they may',
  async (t) => {
    const team: Wanted = {
      ...physics,
      members: [
        { id: 'id-of-joanna', name: 'joanna' },
        { id: 'id-of-ann', name: 'ann' },
      ],
    };
    const subjectsOf = (wanted: Wanted, name: string, more: object = {}) =>
      desiredOf(wanted, { ...settings, hasArgo: true, ...more }).find(
        ({ object }) => object.kind === 'RoleBinding' && object.metadata.name === name,
      )?.object['subjects'];
    const account = (namespace: string) => ({ kind: 'ServiceAccount', name: 'knot-argo', namespace });
    t.strictSame(subjectsOf(team, 'knot-argo'), ['knot-team-physics', 'knot-ann', 'knot-joanna'].map(account));
    t.strictSame(subjectsOf({ ...team, members: [] }, 'knot-argo'), [account('knot-team-physics')]);
    t.strictSame(
      subjectsOf(team, 'knot-workflow'),
      [{ kind: 'ServiceAccount', name: 'knot-workflow', namespace: 'knot-team-physics' }],
      'what steps run as is the team’s alone',
    );
  },
);

t.test(
  'an Argo that signs people in is told by whose account who may act there: by an id that is never somebody else’s',
  async (t) => {
    const ruleOf = (wanted: Wanted, argoSignsIn = true) => {
      const accounts = desiredOf(wanted, { ...settings, hasArgo: true, argoSignsIn }).filter(
        ({ object }) => object.kind === 'ServiceAccount',
      );
      const annotated = accounts.filter(({ object }) => object.metadata.annotations !== undefined);
      t.strictSame(
        annotated.map(({ object }) => object.metadata.name),
        argoSignsIn ? ['knot-argo'] : [],
      );
      return annotated[0]?.object.metadata.annotations;
    };
    const rule = 'workflows.argoproj.io/rbac-rule';
    t.strictSame(ruleOf(ann), { [rule]: 'sub in ["id-of-ann"]', [`${rule}-precedence`]: '1' });
    t.equal(ruleOf({ ...ann, isPaused: true })?.[rule], 'false', 'nobody while paused');
    t.equal(ruleOf(physics)?.[rule], 'false', 'a team without members is nobody’s');
    const members = ['b', 'a'].map((name) => ({ id: `id-of-${name}`, name }));
    t.equal(ruleOf({ ...physics, members })?.[rule], 'sub in ["id-of-a", "id-of-b"]', 'in one order');
    t.equal(ruleOf(ann, false), undefined);
  },
);
