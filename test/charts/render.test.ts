import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../../gateway/config/index.ts';
import { chartFolder, type Helm, type KubernetesObject, objectsIn, openHelm } from './helm.ts';
import type { Rule } from './rights-used.ts';

const opened = await openHelm(t);
const skip = 'skip' in opened ? opened.skip : false;
const helm = opened as Helm;
const sets = ['first-look', 'trial', 'production'];
const fileOf = (set: string) => join(import.meta.dirname, 'values', `${set}.yaml`);
const render = (...args: string[]) => helm(['template', 'knot', chartFolder, '--namespace', 'knot-home', ...args]);

t.test('helm lint has nothing to complain about', { skip }, async (t) => {
  for (const set of sets)
    t.match(await helm(['lint', '--strict', chartFolder, '--values', fileOf(set)]), /0 chart\(s\) failed/);
});

for (const set of sets)
  t.test(`rendered with ${set}`, { skip }, async (t) => {
    const rendered = await render('--values', fileOf(set));
    const objects = objectsIn(rendered);
    golden(t, set, rendered);
    for (const object of objects) labelsAre(t, object);
    for (const object of objects) hardened(t, object);
    await configLoads(t, objects);
  });

t.test('a value that the chart does not know, or that is none, is refused with its path', { skip }, async (t) => {
  const refused: [string[], RegExp][] = [
    [['--set', 'replica=2'], /additional properties 'replica' not allowed/],
    [['--set', 'config.domian=x'], /'\/config': additional properties 'domian' not allowed/],
    [['--set', 'config.listen=0.0.0.0:1'], /'\/config': additional properties 'listen' not allowed/],
    [
      ['--set', 'config.kubernetes.storage.kind=ceph'],
      /'\/config\/kubernetes\/storage\/kind': value must be one of 'hostPath', 'nfs', 'claim'/,
    ],
    [['--set', 'config.limits.drainMs=0'], /'\/config\/limits\/drainMs': minimum: got 0, want 1/],
    // A bare `off` is read by YAML as no.
    [['--set', 'config.signUp=false'], /'\/config\/signUp': value must be one of 'off', 'approval', 'open'/],
    [['--set', 'config.domain=Knot.example.org'], /'\/config\/domain': .* does not match pattern/],
    [['--set', 'config.plans[0].title=x'], /'\/config\/plans\/0': missing property 'name'/],
    [['--set', 'service.port=0'], /'\/service\/port': minimum/],
    [['--set', 'service.type=ExternalName'], /'\/service\/type': value must be one of/],
    [['--set', 'image.digest=sha256:12'], /'\/image\/digest'/],
    [['--set', 'env[0].name=KNOT_DATABASE,env[0].value=x'], /'\/env\/0\/name': 'not' failed/],
    [['--set', 'account.user=0'], /'\/account\/user': minimum: got 0, want 1/],
    [['--set', 'secrets[0]=UPPER'], /'\/secrets\/0'/],
    [['--set', 'networkPolicy.apiServers[0]=everywhere'], /'\/networkPolicy\/apiServers\/0'/],
  ];
  for (const [args, message] of refused) await t.rejects(render(...args), { message }, args.join(' '));
});

t.test('values that do not go together are refused, all of them at once and in words', { skip }, async (t) => {
  const refused: [string, RegExp][] = [
    ['replicas=2', /more than one gateway needs PostgreSQL.*\n.*more than one gateway needs a certificate/],
    ['replicas=2,database.kind=bundled', /more than one gateway needs a certificate/],
    ['replicas=2,tls.secretName=x', /more than one gateway needs PostgreSQL/],
    ['database.kind=external', /database\.secret\.name: is needed/],
    ['database.secret.name=x', /database\.secret\.name: has no effect where database\.kind is sqlite/],
    [
      'tls.secretName=x,tls.certManager.enabled=true',
      /either secretName or certManager.*\n.*issuer\.name: is needed.*\n.*config\.domain: is needed/,
    ],
    ['config.kubernetes.storage.kind=nfs', /server and path are needed/],
    ['config.kubernetes.storage.kind=claim', /storage\.claim: is needed/],
    ['files.create=true', /files\.create: has no effect where config\.kubernetes\.storage\.kind is hostPath/],
    ['config.integrations.jupyterhub.mode=managed', /managed is a hub on one machine/],
  ];
  for (const [set, message] of refused) await t.rejects(render('--set', set), { message }, set);
});

t.test(
  'two gateways never share a data volume: rolling where nothing is kept in one, in turn where something is',
  { skip },
  async (t) => {
    const strategyOf = async (set: string) => {
      const gateway = objectsIn(await render('--set', set)).find(({ kind }) => kind === 'Deployment')!;
      const data = (gateway.spec.template.spec.volumes as { name: string; emptyDir?: object }[]).find(
        ({ name }) => name === 'data',
      )!;
      return [gateway.spec.strategy.type as string, 'emptyDir' in data ? 'nothing kept' : 'kept'];
    };
    t.same(await strategyOf('database.kind=sqlite,tls.secretName=x'), ['Recreate', 'kept']);
    t.same(await strategyOf('database.kind=bundled'), ['Recreate', 'kept'], "Knot's own authority is in it");
    t.same(await strategyOf('database.kind=bundled,tls.secretName=x'), ['RollingUpdate', 'nothing kept']);
    t.same(await strategyOf('database.kind=external,database.secret.name=x,tls.secretName=y'), [
      'RollingUpdate',
      'nothing kept',
    ]);
  },
);

t.test('a pod is given the time that Knot takes to drain', { skip }, async (t) => {
  const seconds = async (set: string) =>
    objectsIn(await render('--set', set)).find(({ kind }) => kind === 'Deployment')!.spec.template.spec
      .terminationGracePeriodSeconds as number;
  t.equal(await seconds('replicas=1'), 25, '5 s, 5 s and 15 s to end');
  t.equal(await seconds('config.limits.drainMs=60001'), 5 + 61 + 15);
  t.equal(await seconds('config.limits.drainDelayMs=0'), 0 + 5 + 15);
});

t.test(
  'without Helm values of a cluster no right is given: rbac.create=false renders no account and no role',
  { skip },
  async (t) => {
    const kinds = objectsIn(await render('--set', 'rbac.create=false')).map(({ kind }) => kind);
    t.notMatch(kinds.join(' '), /Role|ServiceAccount|ValidatingAdmissionPolicy/);
  },
);

t.test('README.md tells of each right of the gateway why it has it, and how it was used', { skip }, async (t) => {
  const text = readFileSync(join(chartFolder, 'README.md'), 'utf8');
  const [readme = '', asked = ''] = text.split(/(?=What of it was asked for)/);
  const rules = objectsIn(await helm(['template', 'knot', chartFolder, '--show-only', 'templates/rbac-gateway.yaml']))
    .filter(({ kind }) => kind.endsWith('Role'))
    .flatMap((role) => role['rules'] as Rule[]);
  for (const { apiGroups = [], resources = [], verbs } of rules)
    for (const resource of resources) {
      const thing = [...apiGroups.filter((group) => group !== ''), resource].join('/');
      const row = asked.split('\n').find((line) => line.startsWith(`| \`${thing}\` |`)) ?? '';
      t.ok(
        verbs.every((verb) => row.includes(verb)),
        `${verbs.join(', ')} ${thing}: asked for by a test`,
      );
      t.ok(
        readme
          .split('\n')
          .some(
            (line) =>
              line.startsWith('|') && line.includes(`\`${resource}\``) && verbs.every((verb) => line.includes(verb)),
          ),
        `${verbs.join(', ')} ${resource}`,
      );
    }
});

/** Compares with the file kept beside the tests; `KNOT_GOLDEN=write` writes it, to be read by a person before it is committed. */
function golden(t: Test, set: string, rendered: string): void {
  const file = join(import.meta.dirname, 'fixtures', `${set}.yaml`);
  const text = rendered
    .replace(/password: "\w{40}"/, 'password: "GENERATED"')
    .replace(/knot:\w{40}@/, 'knot:GENERATED@')
    // It is long, and no template.
    .replace(/(knot\.json: \|\n)(?: {4}.*\n| *\n)+/, '$1    THE DASHBOARD\n');
  if (process.env['KNOT_GOLDEN'] === 'write') writeFileSync(file, text);
  t.equal(text, readFileSync(file, 'utf8'), `as in fixtures/${set}.yaml`);
}

function labelsAre(t: Test, { kind, metadata }: KubernetesObject): void {
  const wanted = ['name', 'instance', 'version', 'managed-by'].map((label) => `app.kubernetes.io/${label}`);
  t.same(
    wanted.filter((label) => !metadata.labels?.[label]),
    [],
    `labels of ${kind} ${metadata.name}`,
  );
  const isOfCluster = /^Cluster|^ValidatingAdmission|^PersistentVolume$/.test(kind);
  t.equal(metadata.namespace, isOfCluster ? undefined : 'knot-home', `namespace of ${kind} ${metadata.name}`);
}

/** Pod Security `restricted` but for what is told: the folder of a node, and who gives it to the gateway. */
function hardened(t: Test, { kind, metadata, spec }: KubernetesObject): void {
  if (kind !== 'Deployment' && kind !== 'StatefulSet') return;
  const pod = spec.template.spec;
  t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, metadata.name);
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    const { name, securityContext, resources } = container;
    t.match(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true }, name);
    t.same(securityContext.capabilities.drop, ['ALL'], name);
    t.same(securityContext.capabilities.add, name === 'prepare-files' ? ['CHOWN'] : undefined, name);
    t.ok(
      resources.requests.cpu && resources.requests.memory && resources.limits.memory,
      `${name} has requests and limits`,
    );
  }
}

async function configLoads(t: Test, objects: KubernetesObject[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-chart-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'knot-config')!;
  const secret = join(folder, 'password');
  writeFileSync(secret, 'a password of the mail server');
  const file = join(folder, 'knot.yaml');
  writeFileSync(
    file,
    (map['data'] as Record<string, string>)['knot.yaml']!.replace('/etc/knot/secrets/mail/password', secret),
  );
  const { config } = loadConfig({ config: file }, {});
  t.match(config, { engine: 'kubernetes', data: '/var/lib/knot', kubernetes: { namespace: 'knot-home' } });
}
