import t from 'tap';
import { applyRules, policiesOf, type RuleSettings } from '../../gateway/admission/index.ts';
import { kinds, openKube } from '../../gateway/kube/index.ts';
import { systemClock } from '../../gateway/lib/index.ts';
import { type Answer, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { type Act, labels, managed, merge, podSpec, claimSpec, selector, template, backend } from './rule-parts.ts';
import { allowed, refusedActs, tokenRequest } from './rule-probes-acts.ts';
import { type Probe, refusedThings } from './rule-probes-things.ts';

/**
 * The rules on a real API server, tried by somebody with every right in their namespace (which upstream's people had), so that a rule
 * is all that can refuse. Everything is a dry run.
 */

const settings: RuleSettings = {
  gatewayNamespace: 'knot',
  servicesDomain: 'example.org',
  csiDrivers: ['secrets-store.csi.k8s.io'],
  ephemeralContainers: false,
};

const refused: Probe[] = [...refusedThings, ...refusedActs];

t.test('the rules of the cluster', async (t): Promise<void> => {
  const users = [{ name: 'ann' }, { name: 'robot', groups: ['robots'] }];
  const started = await startControlPlane(t, { nodes: 0, users });
  if ('skip' in started) return void t.plan(0, started.skip);
  const cluster = started;
  const kube = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock });
  t.teardown(() => kube.close());

  async function attempt(act: Act, token: string): Promise<Answer> {
    const method = act.method ?? 'POST';
    return cluster.request(`${act.path}?dryRun=All`, {
      ...{ method, token, body: act.body },
      ...(method === 'PATCH' && {
        contentType: act.path.includes('/ephemeralcontainers')
          ? 'application/strategic-merge-patch+json'
          : 'application/merge-patch+json',
      }),
    });
  }
  const asAnn = (act: Act) => attempt(act, cluster.tokenOf('ann'));
  const asAdmin = (act: Act) => attempt(act, cluster.tokenOf('admin'));

  const owned = (name: string) => ({ ...managed, 'knot/owner': name, 'knot/owner-kind': 'user' });
  const rights = (namespace: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'everything', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' }],
  });
  const namespaces = ['knot-ann', 'free', 'knot'];
  for (const name of namespaces)
    await kube.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: name === 'free' ? {} : owned('ann') },
    });
  const inAnns = (kind: string, name: string, rest: object, apiVersion = 'v1', more: object = {}) =>
    kube.apply({ apiVersion, kind, metadata: { name, namespace: 'knot-ann', ...more }, ...rest });
  for (const namespace of namespaces) await kube.apply(rights(namespace));
  await inAnns('ResourceQuota', 'knot', { spec: { hard: { pods: '50' } } }, 'v1', { labels: managed });
  await inAnns('ServiceAccount', 'mine', {});
  await inAnns('Service', 'web', { spec: { ports: [{ port: 80 }], selector: labels } });
  await inAnns('PersistentVolumeClaim', 'mine', { spec: claimSpec({ storageClassName: 'later' }) });
  await inAnns('PersistentVolumeClaim', 'bound', { spec: claimSpec({ storageClassName: '', volumeName: 'v' }) });
  await inAnns('Ingress', 'mine', { spec: { defaultBackend: backend } }, 'networking.k8s.io/v1');
  await inAnns('Deployment', 'web', { spec: { replicas: 0, selector, template: template() } }, 'apps/v1');
  await eventually('the default account', () => kube.get(kinds.serviceAccount, 'default', 'knot-ann'));
  await inAnns('Pod', 'mine', { spec: podSpec() });

  await applyRules(kube, settings);
  await eventually('rules in force', async () => {
    for (const rule of new Set(refused.map((probe) => probe.rule)))
      if ((await asAnn(refused.find((probe) => probe.rule === rule)!.act)).status !== 403) return false;
    return true;
  });

  await t.test('what a rule is for is refused by it, in words', async (t) => {
    for (const { rule, title, act, says } of refused) {
      const { status, body } = await asAnn(act);
      t.equal(status, 403, title);
      t.match(body.message, `'${rule}'`, title);
      t.match(body.message, says, title);
    }
    const tried = new Set(refused.map(({ rule }) => rule));
    t.strictSame(
      policiesOf(settings)
        .map(({ policy }) => policy.metadata.name)
        .filter((name) => !tried.has(name)),
      [],
      'every rule is tried',
    );
  });

  await t.test('what people need passes', async (t) => {
    for (const [title, act] of allowed) {
      const { status, body } = await asAnn(act);
      t.ok(status < 300, `${title}: ${status < 300 ? status : body.message}`);
    }
  });

  await t.test(
    'administrators of the cluster are bound by what a pod may hold, not by who may do something',
    async (t) => {
      for (const { rule, title, act } of refused) {
        const isOfPods = ['knot-volumes', 'knot-services', 'knot-hosts'].includes(rule);
        const { status, body } = await asAdmin(act);
        t.equal(status < 300, !isOfPods, `${title}: ${status} ${body.message ?? ''}`);
      }
    },
  );

  await t.test('an account asks for its own token', async (t) => {
    const token = await cluster.serviceAccountToken('knot-ann', 'mine');
    await kube.apply({
      ...rights('knot-ann'),
      metadata: { name: 'account', namespace: 'knot-ann' },
      subjects: [{ kind: 'ServiceAccount', name: 'mine', namespace: 'knot-ann' }],
    });
    t.equal(
      (
        await eventually('a right', async () => {
          const found = await attempt(tokenRequest('mine'), token);
          return found.status < 300 && found;
        })
      ).status,
      201,
    );
    t.match((await attempt(tokenRequest('default'), token)).body.message, /knot-tokens/);
  });

  await t.test('other namespaces, and that of the gateway whatever its labels say, have no such rules', async (t) => {
    for (const namespace of ['free', 'knot'])
      for (const { rule, title, act } of refused.filter(
        ({ act }) => (act.method ?? 'POST') === 'POST' && !act.path.endsWith('/token'),
      )) {
        if (rule === 'knot-namespaces') continue;
        const { status, body } = await asAnn({ ...act, path: act.path.replace('knot-ann', namespace) });
        t.ok(status < 300, `${namespace}: ${title}: ${body.message ?? status}`);
      }
  });

  await t.test('nobody but Knot makes a namespace that looks like an owner’s', async (t) => {
    await kube.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'makes-namespaces' },
      rules: [{ apiGroups: [''], resources: ['namespaces'], verbs: ['*'] }],
    });
    await kube.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'robots' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'makes-namespaces' },
      subjects: [{ kind: 'Group', name: 'robots', apiGroup: 'rbac.authorization.k8s.io' }],
    });
    const make = (labels: object) =>
      attempt(
        { path: '/api/v1/namespaces', body: { metadata: { name: 'knot-eve', labels } } },
        cluster.tokenOf('robot'),
      );
    t.equal(
      (
        await eventually('a right', async () => {
          const found = await make({});
          return found.status < 300 && found;
        })
      ).status,
      201,
    );
    t.match((await make(owned('eve'))).body.message, /knot-namespaces/);
    const change = { 'pod-security.kubernetes.io/enforce': 'privileged' };
    t.equal(
      (await attempt(merge('/api/v1/namespaces/free', { metadata: { labels: change } }), cluster.tokenOf('robot')))
        .status,
      200,
      'what is nobody’s is not ours to judge',
    );
  });

  await t.test('what is no longer wanted is removed, and what was removed comes back', async (t) => {
    const names = async () =>
      (await kube.list(kinds.admissionPolicyBinding)).items.map(({ metadata }) => metadata.name).sort();
    const all = await names();
    await kube.remove(kinds.admissionPolicyBinding, 'knot-volumes');
    await applyRules(kube, { ...settings, ephemeralContainers: true });
    t.strictSame(
      await names(),
      all.filter((name) => name !== 'knot-ephemeral-containers'),
    );
    t.equal(await kube.get(kinds.admissionPolicy, 'knot-ephemeral-containers'), undefined);
  });

  await t.test('without its binding each of them passes, so it was the rule that refused', async (t) => {
    for (const { binding } of policiesOf(settings))
      await kube.remove(kinds.admissionPolicyBinding, binding.metadata.name);
    let last = '';
    await eventually(
      () => `all to pass: ${last}`,
      async () => {
        for (const { title, act } of refused) {
          const { status, body } = await asAnn(act);
          if (status < 300) continue;
          last = `${title}: ${status} ${body.message}`;
          return false;
        }
        return true;
      },
    );
    t.pass('all pass');
  });
});
