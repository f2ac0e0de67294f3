import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import t from 'tap';
import { Agent, request } from 'undici';
import { kinds, openKube } from '../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { callerCertificate } from '../support/cluster-callers.ts';
import { eventually } from '../support/eventually.ts';
import { peoplesRole } from '../support/kube/people-role.ts';
import { freePort } from '../support/net/free-port.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';

type Signed = {
  report: {
    counts: { passed: number; failed: number; untried: number };
    results: { id: string; outcome: string; detail: string }[];
    people: Record<'ann' | 'joanna' | 'team', string>;
  };
  signature: string;
  sha256: string;
};

t.test('knot verify isolation, beside a gateway on a real API server', async (t): Promise<void> => {
  const callers = await callerCertificate(t);
  const started = await startControlPlane(t, {
    nodes: 0,
    flags: callers.flags,
    // May do what the gateway does, and act as nobody.
    users: [{ name: 'operator' }],
  });
  if ('skip' in started) return void t.plan(0, started.skip);
  const cluster = started;
  const kube = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock, log: silentLog });
  t.teardown(() => kube.close());
  await kube.apply(peoplesRole(cluster.programs.helm, cluster.folder));
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'knot' } });
  const port = await freePort();
  const gateway = await startGateway({
    config: {
      engine: 'kubernetes',
      // NetworkPolicies name the port.
      listen: `127.0.0.1:${await freePort()}`,
      integrations: { jupyterhub: { mode: 'off' } },
      kubernetes: {
        kubeconfig: cluster.kubeconfig,
        admission: { listen: `127.0.0.1:${port}`, url: `https://127.0.0.1:${port}`, clientCa: callers.caFile },
      },
    },
  });
  t.teardown(() => gateway.stop());
  await eventually('admission in force', () => kube.get(kinds.mutatingWebhook, 'knot-admission'));

  async function verify(...args: string[]) {
    const { status, stdout, stderr } = await gateway.knot(['verify', 'isolation', '--json', ...args]);
    return { status, stderr, signed: stdout.startsWith('{') ? (JSON.parse(stdout) as Signed) : undefined };
  }
  /** What of them is still there; namespaces take their time to end. */
  const left = async ({ people }: Signed['report']) => {
    const owners = Object.values(people);
    const isTheirs = ({ metadata }: { metadata: { labels?: Record<string, string>; deletionTimestamp?: string } }) =>
      owners.includes(metadata.labels?.['knot/owner'] ?? '') && metadata.deletionTimestamp === undefined;
    const found = await Promise.all([kube.list(kinds.namespace), kube.list(kinds.persistentVolume)]);
    const { stdout } = await gateway.knot(['user', 'list']);
    return [
      ...found.flatMap(({ items }) => items.filter(isTheirs).map(({ metadata }) => metadata.name)),
      ...owners.filter((name) => stdout.includes(name)),
    ];
  };

  await t.test('all comes out as it must, it is signed, and nothing is left', async (t) => {
    const file = join(t.testdir({}), 'report.json');
    const { status, stderr, signed } = await verify('--report', file);
    t.equal(status, 0, stderr);
    const { report, signature, sha256 } = signed!;
    t.strictSame(
      report.results.filter(({ outcome }) => outcome !== 'passed'),
      [],
    );
    t.ok(report.counts.passed > 150);
    t.strictSame(JSON.parse(readFileSync(file, 'utf8')), signed);
    t.equal(sha256, createHash('sha256').update(JSON.stringify(report)).digest('hex'));
    const agent = new Agent({ connect: { ca: caOf(gateway) } });
    t.teardown(() => agent.destroy());
    const { body } = await request(`${gateway.origin}/.well-known/jwks.json`, { dispatcher: agent });
    const { payload } = await jwtVerify(signature, createLocalJWKSet((await body.json()) as JSONWebKeySet));
    t.match(payload, { sha256, counts: report.counts });
    await eventually('nothing left', async () => (await left(report)).length === 0);
  });

  await t.test('a protection that is missing is named, the command says no, and nothing is left', async (t) => {
    await kube.apply({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'slip' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:serviceaccounts' }],
    });
    const { status, stderr, signed } = await verify();
    await kube.remove(kinds.clusterRoleBinding, 'slip');
    t.equal(status, 1);
    t.match(stderr, /KNOT_CLI_ISOLATION\)/);
    const failed = signed!.report.results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    for (const id of ['pods-of-another', 'configmaps-of-gateway', 'pods-of-owner-by-pod'])
      t.ok(failed.includes(id), id);
    t.notOk(failed.includes('secrets-of-another'), 'what is guarded still is not named');
    await eventually('nothing left', async () => (await left(signed!.report)).length === 0);
  });

  await t.test('what could not be tried does not pass', async (t) => {
    await kube.apply({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'all-but-acting' } },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'create', 'patch', 'delete'] }],
    });
    await kube.apply({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'operator' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'all-but-acting' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'operator' }],
    });
    const { status, stderr, signed } = await verify('--kubeconfig', await cluster.kubeconfigOf({ name: 'operator' }));
    t.equal(status, 1);
    t.match(stderr, /KNOT_CLI_ISOLATION_UNTRIED\)/);
    t.equal(signed!.report.counts.failed, 0);
    t.ok(signed!.report.counts.untried > 100);
  });

  await t.test('a disabled person starts no pod, whoever asks', async (t) => {
    t.equal(
      (
        await gateway.knot(
          ['user', 'add', 'eve', '--email', 'eve@example.org', '--password-file', '-'],
          'correct horse battery staple\n',
        )
      ).status,
      0,
    );
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'knot-eve' },
      spec: { containers: [{ name: 'main', image: 'x' }] },
    };
    await eventually('a place', () => kube.get(kinds.roleBinding, 'knot-user', 'knot-eve'));
    const made = (await kube.create(pod, { dryRun: true })) as unknown as {
      spec: { containers: { volumeMounts: { mountPath: string }[]; env: { name: string; value: string }[] }[] };
    };
    const [{ volumeMounts, env }] = made.spec.containers as [(typeof made.spec.containers)[0]];
    t.strictSame(
      volumeMounts.map(({ mountPath }) => mountPath).filter((path) => path.startsWith('/files')),
      ['/files/private', '/files/shared'],
    );
    t.ok(env.some(({ name, value }) => name === 'KNOT_INGRESS_URL' && value === gateway.origin));
    t.equal((await gateway.knot(['user', 'disable', 'eve'])).status, 0);
    const refused = await eventually('a refusal', async () =>
      kube.create(pod, { dryRun: true }).then(
        () => undefined,
        (error: { internal?: { kubernetes?: { message?: string } } }) => error.internal?.kubernetes?.message,
      ),
    );
    t.match(refused, /disabled|exceeded quota/);
    const { body } = await request(`${gateway.ops}/metrics`);
    t.match(await body.text(), /knot_admission_seconds_count\{answer="allowed"\} [1-9]/);
  });
});
