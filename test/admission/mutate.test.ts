import fc from 'fast-check';
import t from 'tap';
import { type Grant, mutatePod } from '../../gateway/admission/index.ts';
import { applyPatch } from '../support/json-patch.ts';

type Container = {
  name: string;
  image?: string;
  env?: { name: string; value?: string; valueFrom?: object }[] | null;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[] | null;
  volumeDevices?: { name: string; devicePath: string }[];
};
type Pod = {
  metadata: { name?: string; generateName?: string; annotations?: Record<string, string> };
  spec: {
    containers: Container[];
    initContainers?: Container[];
    ephemeralContainers?: Container[];
    volumes?: ({ name: string } & Record<string, unknown>)[] | null;
    automountServiceAccountToken?: boolean;
  };
};

const ann: Grant = {
  namespace: 'knot-ann',
  owner: { name: 'ann' },
  claims: [
    { claim: 'knot-private', path: '/files/private', area: 'own' },
    { claim: 'knot-shared', path: '/files/shared', area: 'shared' },
    { claim: 'knot-team-physics', path: '/files/team/physics', area: 'team' },
  ],
  environment: { KNOT_INGRESS_URL: 'https://knot.test' },
};

const pod = (spec: Partial<Pod['spec']> = {}, metadata: Pod['metadata'] = { name: 'one' }): Pod => ({
  metadata,
  spec: { containers: [{ name: 'main', image: 'x' }], ...spec },
});

function mutated(given: Pod, grant = ann): Pod {
  const mutation = mutatePod(given, grant);
  if ('refused' in mutation) throw new Error(mutation.refused);
  return applyPatch(given, mutation.patch);
}

const refusalOf = (given: unknown): string | undefined => {
  const mutation = mutatePod(given, ann);
  return 'refused' in mutation ? mutation.refused : undefined;
};

const places = ({ volumeMounts }: Container) => (volumeMounts ?? []).map(({ name, mountPath }) => [mountPath, name]);
const everywhere = [
  ['/files/private', 'knot-private'],
  ['/files/shared', 'knot-shared'],
  ['/files/team/physics', 'knot-team-physics'],
];
const environmentOf = ({ env }: Container) => Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));

t.test('every container and init container gets the files of its owner and is told where they are', async (t) => {
  const found = mutated(pod({ initContainers: [{ name: 'first' }], containers: [{ name: 'a' }, { name: 'b' }] }));
  const all = [...found.spec.initContainers!, ...found.spec.containers];
  t.equal(all.length, 3);
  for (const container of all) {
    t.strictSame(places(container), everywhere, container.name);
    t.strictSame(environmentOf(container), {
      KNOT_INGRESS_URL: 'https://knot.test',
      KNOT_USERNAME: 'ann',
      KNOT_NAMESPACE: 'knot-ann',
      KNOT_PRIVATE_DIR: '/files/private',
      KNOT_PRIVATE_VOLUME: 'knot-private',
      KNOT_SHARED_DIR: '/files/shared',
      KNOT_SHARED_VOLUME: 'knot-shared',
    });
  }
  t.strictSame(
    found.spec.volumes,
    ['knot-private', 'knot-shared', 'knot-team-physics'].map((name) => ({
      name,
      persistentVolumeClaim: { claimName: name },
    })),
  );
});

t.test('what a pod brings stays as it is', async (t) => {
  const given = pod(
    {
      automountServiceAccountToken: false,
      volumes: [{ name: 'cache', emptyDir: {} }],
      containers: [
        {
          name: 'main',
          env: [
            { name: 'HOME', value: '/home/x' },
            { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
          ],
          volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
        },
      ],
      ephemeralContainers: [{ name: 'debug' }],
    },
    { generateName: 'job-' },
  );
  const before = structuredClone(given);
  const found = mutated(given);
  t.strictSame(given, before, 'the question itself is not changed');
  t.strictSame(found.metadata, { generateName: 'job-' });
  t.equal(found.spec.automountServiceAccountToken, false);
  t.notOk('automountServiceAccountToken' in mutated(pod()).spec);
  t.strictSame(found.spec.volumes![0], { name: 'cache', emptyDir: {} });
  t.strictSame(found.spec.containers[0]!.env!.slice(-2), before.spec.containers[0]!.env);
  t.strictSame(found.spec.containers[0]!.volumeMounts![0], { name: 'cache', mountPath: '/cache' });
  t.strictSame(found.spec.ephemeralContainers, [{ name: 'debug' }]);
});

t.test('a list that is null, as some clients write it, is one that is empty', async (t) => {
  const found = mutated(pod({ volumes: null, containers: [{ name: 'main', env: null, volumeMounts: null }] }));
  t.strictSame(places(found.spec.containers[0]!), everywhere);
  t.equal(found.spec.volumes!.length, 3);
  t.equal(found.spec.containers[0]!.env!.length, 7);
});

t.test('variables of Knot have its values, stand before all others, and stand there once', async (t) => {
  const env = [
    { name: 'DATA', value: '$(KNOT_PRIVATE_DIR)/data' },
    { name: 'KNOT_USERNAME', value: 'joanna' },
    { name: 'KNOT_USERNAME', value: 'root' },
    { name: 'KNOT_SERVICE', value: 'web' },
  ];
  const found = mutated(pod({ containers: [{ name: 'main', env }] })).spec.containers[0]!;
  t.equal(environmentOf(found)['KNOT_USERNAME'], 'ann');
  const names = found.env!.map(({ name }) => name);
  t.equal(names.filter((name) => name === 'KNOT_USERNAME').length, 1);
  t.ok(names.indexOf('KNOT_PRIVATE_DIR') < names.indexOf('DATA'), 'so that $(KNOT_PRIVATE_DIR) is known by then');
  t.strictSame(names.slice(-2), ['DATA', 'KNOT_SERVICE'], 'what Knot does not say is left');
});

t.test('a pod may ask for less', async (t) => {
  const annotated = (value: string) => pod({}, { name: 'one', annotations: { 'knot/files': value } });
  const none = mutated(annotated('none'));
  t.notOk('volumes' in none.spec);
  t.notOk('volumeMounts' in none.spec.containers[0]!);
  t.strictSame(Object.keys(environmentOf(none.spec.containers[0]!)), [
    'KNOT_INGRESS_URL',
    'KNOT_USERNAME',
    'KNOT_NAMESPACE',
  ]);

  const own = mutated(annotated('private'));
  t.strictSame(places(own.spec.containers[0]!), [['/files/private', 'knot-private']]);
  t.notOk('KNOT_SHARED_DIR' in environmentOf(own.spec.containers[0]!));

  t.match(refusalOf(annotated('nnoe')), /knot\/files .* none or private/, 'a slip of the pen does not mean everything');
});

t.test("a team's own folder is the private one of its pods", async (t) => {
  const team: Grant = {
    namespace: 'knot-team-physics',
    owner: { name: 'physics' },
    claims: [
      { claim: 'knot-team-physics', path: '/files/team/physics', area: 'own' },
      { claim: 'knot-shared', path: '/files/shared', area: 'shared' },
    ],
  };
  const found = environmentOf(mutated(pod(), team).spec.containers[0]!);
  t.match(found, {
    KNOT_USERNAME: 'physics',
    KNOT_NAMESPACE: 'knot-team-physics',
    KNOT_PRIVATE_DIR: '/files/team/physics',
  });
});

t.test('a claim that the pod mounts itself is mounted once', async (t) => {
  const given = pod({
    volumes: [{ name: 'home', persistentVolumeClaim: { claimName: 'knot-private' } }],
    containers: [
      { name: 'a', volumeMounts: [{ name: 'home', mountPath: '/files//private/', subPath: 'work', readOnly: true }] },
      { name: 'b', volumeMounts: [{ name: 'home', mountPath: '/home/jovyan' }] },
    ],
  });
  const { volumes, containers } = mutated(given).spec;
  t.strictSame(
    volumes!.map(({ name }) => name),
    ['home', 'knot-shared', 'knot-team-physics'],
  );
  t.strictSame(containers[0]!.volumeMounts![0], given.spec.containers[0]!.volumeMounts![0]);
  t.equal(containers[0]!.volumeMounts!.length, 3);
  t.strictSame(places(containers[1]!)[1], ['/files/private', 'home']);
});

t.test('a volume that may only be read does not make the files of other containers unwritable', async (t) => {
  const volumes = [{ name: 'view', persistentVolumeClaim: { claimName: 'knot-private', readOnly: true } }];
  const found = mutated(pod({ volumes })).spec;
  t.strictSame(places(found.containers[0]!)[0], ['/files/private', 'knot-private']);
});

t.test('a mount of our volume that the pod left for Knot to bring is one of the files', async (t) => {
  const volumeMounts = [{ name: 'knot-private', mountPath: '/files/private' }];
  const found = mutated(pod({ containers: [{ name: 'main', volumeMounts }] })).spec;
  t.strictSame(places(found.containers[0]!), everywhere);
});

t.test('a volume with a name like ours that is something else is not mistaken for the files', async (t) => {
  const volumes = [
    { name: 'knot-private', emptyDir: {} },
    { name: 'knot-private-2', persistentVolumeClaim: { claimName: 'knot-private-of-joanna' } },
  ];
  const found = mutated(pod({ volumes })).spec;
  t.strictSame(places(found.containers[0]!)[0], ['/files/private', 'knot-private-3']);
  t.strictSame(
    found.volumes!.find(({ name }) => name === 'knot-private-3'),
    { name: 'knot-private-3', persistentVolumeClaim: { claimName: 'knot-private' } },
  );
});

t.test('something else at the path of the files is refused, in words that say what to do', async (t) => {
  const volumes = [{ name: 'scratch', emptyDir: {} }];
  for (const mountPath of [
    '/files/private',
    '/files/private/',
    '/files/./private',
    '/x/../files/private',
    'files/private',
  ]) {
    const refused = refusalOf(
      pod({ volumes, containers: [{ name: 'main', volumeMounts: [{ name: 'scratch', mountPath }] }] }),
    );
    t.match(refused, /container "main" .* \/files\/private/, mountPath);
    t.match(refused, /knot\/files/, mountPath);
  }
  const inFirst = pod({
    volumes,
    initContainers: [{ name: 'i', volumeMounts: [{ name: 'scratch', mountPath: '/files/shared' }] }],
  });
  t.match(refusalOf(inFirst), /container "i"/);
  t.match(
    refusalOf(pod({ containers: [{ name: 'raw', volumeDevices: [{ name: 'disk', devicePath: '/files/private' }] }] })),
    /container "raw"/,
  );
  for (const mountPath of ['/files', '/files/private/cache', '/files/privateer', '/data'])
    t.equal(
      refusalOf(pod({ volumes, containers: [{ name: 'main', volumeMounts: [{ name: 'scratch', mountPath }] }] })),
      undefined,
      mountPath,
    );
  const asksForNone = pod(
    { volumes, containers: [{ name: 'main', volumeMounts: [{ name: 'scratch', mountPath: '/files/private' }] }] },
    { annotations: { 'knot/files': 'none' } },
  );
  t.equal(refusalOf(asksForNone), undefined, 'who asks for no files may put there what they like');
});

t.test('names of a hostile pod reach neither a pointer nor a terminal', async (t) => {
  const name = '~1spec~0/../-\u001b[2J';
  const volumes = [{ name, emptyDir: {} }];
  const mutation = mutatePod(pod({ volumes, containers: [{ name, env: [{ name, value: name }] }] }), ann);
  t.ok('patch' in mutation);
  for (const { path } of 'patch' in mutation ? mutation.patch : [])
    t.match(path, /^\/spec\/(volumes(\/-)?|containers\/0\/(env|volumeMounts)(\/-)?)$/);
  const refused = refusalOf(
    pod({ volumes, containers: [{ name, volumeMounts: [{ name, mountPath: '/files/private' }] }] }),
  );
  t.notOk(refused!.includes('\u001b'));
  t.match(refused, /container .*spec/);
});

t.test('what is no pod is refused, and nothing in it ends the process', async (t) => {
  for (const none of [
    undefined,
    null,
    1,
    'pod',
    [],
    {},
    { spec: null },
    { spec: [] },
    { spec: { containers: [null] } },
  ])
    t.type(refusalOf(none), 'string', JSON.stringify(none));
  const odd = {
    metadata: null,
    spec: { volumes: [null, 1], containers: [{ env: [null], volumeMounts: [7], volumeDevices: [null] }] },
  };
  t.equal(refusalOf(odd), undefined, 'the API server judges the rest, after us');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      mutatePod(value, ann);
      mutatePod({ metadata: value, spec: { containers: [value], volumes: value } }, ann);
      mutatePod({ spec: { containers: [{ env: [value], volumeMounts: [value] }], volumes: [value] } }, ann);
    }),
    { numRuns: 300 },
  );
});

t.test('of two volumes of one name nobody can say which is mounted', async (t) => {
  const ours = { name: 'data', persistentVolumeClaim: { claimName: 'knot-private' } };
  const volumes = [ours, { name: 'data', emptyDir: {} }];
  t.match(mutatePod(pod({ containers: [{ name: 'c' }], volumes }), ann), { refused: /Two volumes .* "data"/ });
});

t.test('done twice it changes nothing more, whatever the pod was', async (t) => {
  const name = fc.constantFrom('knot-private', 'knot-shared', 'knot-private-2', 'data', '__proto__');
  const claim = fc.constantFrom('knot-private', 'knot-shared', 'other');
  const volume = fc.oneof(
    fc.record({ name, persistentVolumeClaim: fc.record({ claimName: claim, readOnly: fc.boolean() }) }),
    fc.record({ name, emptyDir: fc.constant({}) }),
  );
  const mount = fc.record({ name, mountPath: fc.constantFrom('/files/private', '/files/shared/', '/data', '/files') });
  const variable = fc.record({ name: fc.constantFrom('KNOT_USERNAME', 'KNOT_SHARED_DIR', 'HOME'), value: fc.string() });
  const container = fc.record(
    { name: fc.string(), volumeMounts: fc.array(mount), env: fc.array(variable) },
    { requiredKeys: ['name'] },
  );
  const files = fc.constantFrom(undefined, 'none', 'private');
  let changed = 0;
  fc.assert(
    fc.property(
      ...([
        fc.array(container),
        fc.array(container),
        fc.uniqueArray(volume, { selector: ({ name }) => name }),
        files,
      ] as const),
      (containers, initContainers, volumes, wanted) => {
        const given = pod({ containers, initContainers, volumes }, wanted && { annotations: { 'knot/files': wanted } });
        const first = mutatePod(given, ann);
        if ('refused' in first) return;
        changed++;
        t.strictSame(mutatePod(applyPatch(given, first.patch), ann), { patch: [] });
      },
    ),
    { numRuns: 300 },
  );
  t.ok(changed > 50, `${changed} of them were taken`);
});

t.test('thousands of containers cost no more than thousands of containers', async (t) => {
  const many = (count: number) =>
    pod({ containers: Array.from({ length: count }, (_, index) => ({ name: `c${index}` })) });
  const mutation = mutatePod(many(5_000), ann);
  t.equal('patch' in mutation && mutation.patch.length, 1 + 2 * 5_000);
});
