import t from 'tap';
import {
  createAdmission,
  type Grant,
  type Ground,
  probesFor,
  type Result,
  tryIsolation,
} from '../../gateway/admission/index.ts';
import { kinds, openKube, type KubeObject } from '../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { namespaceOf } from '../../gateway/lib/index.ts';
import { type ClusterSettings, desiredOf, type Wanted } from '../../gateway/provisioning/index.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { callerCertificate } from '../support/cluster-callers.ts';
import { eventually } from '../support/eventually.ts';
import { peoplesRole } from '../support/kube/people-role.ts';
import { freePort } from '../support/net/free-port.ts';

/**
 * The isolation suite on a real API server, with the roles of the chart, the places that provisioning makes and the rules and webhook of
 * admission: all of it passes, and with one protection off just what it guards against is named.
 */

const settings: ClusterSettings = {
  namespacePrefix: 'knot-',
  gatewayNamespace: 'knot',
  gatewayPort: 8443,
  podSecurity: 'baseline',
  defaultSize: { cpu: 1, memory: 1024 ** 3 },
  apiServer: [],
  storage: { kind: 'hostPath', path: '/srv/knot' },
  pullSecrets: [],
};
const ownerOf = (kind: 'user' | 'team', name: string) => ({ kind, id: `id-of-${name}`, name });
const shared = { claim: 'knot-shared', folder: 'shared' };
const own = (name: string) => ({ claim: 'knot-private', folder: `private/${name}` });
const ofTeam = { claim: 'knot-team-physics', folder: 'team/physics' };
const ann: Wanted = { owner: ownerOf('user', 'ann'), isPaused: false, limits: {}, areas: [own('ann'), shared] };
const joanna: Wanted = {
  owner: ownerOf('user', 'joanna'),
  isPaused: false,
  limits: {},
  areas: [own('joanna'), shared, ofTeam],
};
const team: Wanted = { owner: ownerOf('team', 'physics'), isPaused: false, limits: {}, areas: [shared, ofTeam] };

const subjectOf = ({ owner }: Wanted) => ({ name: owner.name, namespace: namespaceOf(settings, owner) });
const ground: Ground = {
  ann: subjectOf(ann),
  joanna: subjectOf(joanna),
  team: subjectOf(team),
  gatewayNamespace: 'knot',
  servicesDomain: 'example.org',
  podSecurity: 'baseline',
  ephemeralContainers: false,
};

const pathOf = {
  'knot-private': '/files/private',
  'knot-shared': '/files/shared',
  'knot-team-physics': '/files/team/physics',
};
const grantOf = (wanted: Wanted): Grant => ({
  namespace: namespaceOf(settings, wanted.owner),
  owner: wanted.owner,
  claims: wanted.areas.map(({ claim }) => ({
    ...{ claim, path: pathOf[claim as keyof typeof pathOf] },
    area: claim === 'knot-shared' ? 'shared' : claim === 'knot-private' || wanted === team ? 'own' : 'team',
  })),
});

t.test('what is tried has names of its own, and is as much of what must work as tells something', async (t) => {
  const probes = probesFor(ground);
  t.equal(new Set(probes.map(({ id }) => id)).size, probes.length);
  const count = (expect: string) => probes.filter((probe) => probe.expect === expect).length;
  t.ok(count('refused') >= 80, `${count('refused')} that must fail`);
  t.ok(count('works') >= 40, `${count('works')} that must work`);
});

t.test('isolation on a real API server', async (t): Promise<void> => {
  const callers = await callerCertificate(t);
  const started = await startControlPlane(t, { nodes: 0, flags: callers.flags });
  if ('skip' in started) return void t.plan(0, started.skip);
  const cluster = started;
  const kube = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock, log: silentLog });
  t.teardown(() => kube.close());
  await kube.apply(peoplesRole(cluster.programs.helm, cluster.folder));
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'knot' } });
  const wanted = [ann, joanna, team];
  const desired = wanted.flatMap((one) => desiredOf(one, settings).map(({ object }) => object));
  for (const object of desired) await kube.apply(object);

  const port = await freePort();
  const admission = createAdmission({
    kube,
    settings: {
      rules: { gatewayNamespace: 'knot', servicesDomain: 'example.org', csiDrivers: [], ephemeralContainers: false },
      ...{ listen: { host: '127.0.0.1', port }, url: `https://127.0.0.1:${port}` },
      ...{ clientCa: callers.caFile, clientNames: [] },
    },
    findGrant: async (namespace) => {
      const found = wanted.find(({ owner }) => namespaceOf(settings, owner) === namespace);
      return found && grantOf(found);
    },
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => admission.close());
  await admission.look();

  const failures = (results: Result[]) =>
    results
      .filter(({ outcome }) => outcome !== 'passed')
      .map(({ id, as, outcome, detail }) => `${id} (${as}) ${outcome}: ${detail}`);

  await t.test('everything passes', async (t) => {
    let last: Result[] = [];
    await eventually(
      () => failures(last).join('\n'),
      async () => {
        last = await tryIsolation(kube, ground);
        return failures(last).length === 0;
      },
    );
    t.equal(last.length, probesFor(ground).length);
  });

  /** Takes one protection away, waits until what it guards against is told, and puts it back. */
  const without = (
    title: string,
    off: () => Promise<unknown>,
    on: () => Promise<unknown>,
    named: readonly string[],
    mayNameMore = false,
  ) =>
    t.test(`without ${title}`, async (t) => {
      await off();
      let last: string[] = [];
      const failing = async (only?: readonly string[]) =>
        (last = (await tryIsolation(kube, ground, only))
          .filter(({ outcome }) => outcome !== 'passed')
          .map(({ id }) => id));
      await eventually(
        () => `${named.join()} to fail, not ${last.join()}`,
        async () => (await failing(named)).length === named.length,
      );
      if (!mayNameMore) t.strictSame((await failing()).sort(), [...named].sort(), 'and nothing else');
      await on();
      await eventually(
        () => `all to pass again, not ${last.join()}`,
        async () => (await failing(named)).length === 0,
      );
      t.pass('they fail, and pass again');
    });
  const objectOf = (kind: string, name: string, namespace = 'knot-ann') =>
    desired.find(
      (object) =>
        object.kind === kind && object.metadata.name === name && (object.metadata.namespace ?? namespace) === namespace,
    )!;
  const withoutRules = (names: readonly string[], named: readonly string[]) =>
    without(
      `the rules ${names.join()}`,
      () => Promise.all(names.map((name) => kube.remove(kinds.admissionPolicyBinding, name))),
      () => admission.look(),
      named,
    );
  const grantTo = (namespace: string, role: string, subject: object): KubeObject => ({
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'slip', namespace } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [subject],
  });
  const account = { kind: 'ServiceAccount', name: 'knot-user', namespace: 'knot-ann' };

  await withoutRules(
    ['knot-volumes'],
    [
      ...['pod-csi', 'pod-nfs', 'pod-volume-of-another', 'later-host-path', 'deployment-host-path', 'job-host-path'],
      ...['replicaset-host-path', 'daemonset-host-path', 'statefulset-host-path', 'cronjob-host-path'],
    ],
  );
  await withoutRules(
    ['knot-claims', 'knot-names', 'knot-token-secrets'],
    [
      ...['claim-volume-of-another', 'claim-any-volume', 'claim-selects', 'statefulset-volume-of-another'],
      ...['claim-name-of-knot', 'endless-token'],
    ],
  );
  await withoutRules(
    ['knot-services', 'knot-hosts', 'knot-managed'],
    [
      // Ports of machines and of providers are refused by the quota as well.
      ...['service-external-ip', 'service-external-name', 'host-of-another', 'host-look-alike', 'host-below'],
      ...['host-for-all', 'host-none', 'host-main', 'host-rest', 'host-certificate', 'host-snippet'],
      ...['change-own-files', 'remove-own-files', 'in-the-name-of-knot'],
    ],
  );
  await without(
    'the level of Pod Security',
    () =>
      kube.merge(kinds.namespace, 'knot-ann', undefined, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
      }),
    () => kube.apply(objectOf('Namespace', 'knot-ann', 'knot-ann')),
    ['pod-security', 'pod-privileged', 'pod-host-network', 'pod-host-pid', 'pod-capability', 'pod-init-privileged'],
    true,
  );
  await without(
    'the webhook of pods',
    () => kube.remove(kinds.mutatingWebhook, 'knot-admission'),
    () => admission.look(),
    ['pod-has-files', 'team-pod-has-files', 'other-files-at-path', 'files-misspelt'],
  );
  await without(
    'the shut network',
    () => kube.remove(kinds.networkPolicy, 'knot-deny', 'knot-ann'),
    () => kube.apply(objectOf('NetworkPolicy', 'knot-deny')),
    ['network-of-one', 'own-network'],
    true,
  );
  await without(
    'care for who may do what at somebody else’s',
    () => kube.apply(grantTo('knot-joanna', 'view', account)),
    () => kube.remove(kinds.roleBinding, 'slip', 'knot-joanna'),
    ['pods-of-another', 'configmaps-of-another'],
    true,
  );
  await without(
    'a small role for people',
    () => kube.apply(grantTo('knot-ann', 'cluster-admin', account)),
    () => kube.remove(kinds.roleBinding, 'slip', 'knot-ann'),
    ['bind-cluster-admin', 'new-role', 'impersonate-serviceaccounts', 'new-network-policy', 'pod-proxy', 'one-role'],
    true,
  );
  await without(
    'an end to a membership',
    () => kube.apply(grantTo('knot-team-physics', 'knot-user', { ...account, apiGroup: undefined })),
    () => kube.remove(kinds.roleBinding, 'slip', 'knot-team-physics'),
    ['secrets-of-team-by-former-member', 'terminal-of-team-by-former-member'],
    true,
  );
});
