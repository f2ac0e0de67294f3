import { join } from 'node:path';
import t from 'tap';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { answers, anyCustomResource, type Question } from './access.ts';
import { chartFolder, type Helm, objectsIn, openHelm } from './helm.ts';
import { type Rule, rightsUsed } from './rights-used.ts';
import { upgradesAndGoesBack } from './upgrades.ts';

const opened = await startControlPlane(t, { nodes: 0 });
const helmOrNot = await openHelm(t);
const skip = 'skip' in opened ? String(opened.skip) : false;
const cluster = opened as ControlPlane;
const helm = helmOrNot as Helm;
const inHome = (...args: string[]) => helm([...args, '--kubeconfig', cluster.kubeconfig, '--namespace', 'knot-home']);
const withDatabase = ['--set', 'database.kind=bundled'];
const account = (namespace: string, name: string) => `system:serviceaccount:${namespace}:${name}`;
const gateway = account('knot-home', 'knot-gateway');

if (!skip) {
  await cluster.kubectl('create', 'namespace', 'knot-home');
  await inHome('install', 'knot', chartFolder, ...withDatabase);
}

t.test(
  'an installation is one command; an upgrade keeps the generated password, a dry run tells it too',
  { skip },
  async (t) => {
    const passwordNow = async () => {
      const { body } = await cluster.request('/api/v1/namespaces/knot-home/secrets/knot-postgresql');
      const { password, url } = body.data as Record<string, string>;
      const plain = Buffer.from(password!, 'base64').toString();
      t.match(plain, /^\w{40}$/);
      t.equal(
        Buffer.from(url!, 'base64').toString(),
        `postgres://knot:${plain}@knot-postgresql.knot-home.svc:5432/knot`,
      );
      return plain;
    };
    const first = await passwordNow();
    const { manifest } = JSON.parse(
      await inHome('upgrade', 'knot', chartFolder, ...withDatabase, '--dry-run=server', '--output=json'),
    ) as { manifest: string };
    t.match(manifest, `password: "${first}"`);
    await inHome('upgrade', 'knot', chartFolder, ...withDatabase, '--set', 'account.user=2000');
    t.equal(await passwordNow(), first);
    const { body } = await cluster.request('/apis/apps/v1/namespaces/knot-home/deployments/knot');
    t.equal(body.spec.template.spec.securityContext.runAsUser, 2000, 'the upgrade took place');

    await inHome('uninstall', 'knot');
    await inHome('install', 'knot', chartFolder, ...withDatabase);
    t.equal(
      await passwordNow(),
      first,
      'the volume of the database outlives an uninstallation, and so does its password',
    );
  },
);

t.test(
  'an upgrade changes nothing that cannot be changed, whatever the values say, and there is a way back',
  { skip },
  (t) => upgradesAndGoesBack(t, cluster, helm),
);

t.test('the API server takes every object of every set of values without a warning', { skip }, async (t) => {
  await cluster.apply(
    ...['certificates.cert-manager.io', 'servicemonitors.monitoring.coreos.com'].map(anyCustomResource),
  );
  // The strictest level of Pod Security that the namespace of Knot may enforce.
  const levels = { trial: 'restricted', production: 'restricted', 'first-look': 'privileged' };
  for (const [set, level] of Object.entries(levels)) {
    const namespace = `dry-${set}`;
    const labels = { 'pod-security.kubernetes.io/enforce': level };
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
    const values = join(import.meta.dirname, 'values', `${set}.yaml`);
    const rendered = await helm(['template', 'knot', chartFolder, '--namespace', namespace, '--values', values]);
    const objects = objectsIn(rendered);
    const act = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--warnings-as-errors', '-f', '-'];
    // A resource that was defined just now is found a moment later.
    const told = await eventually(`an answer for ${set}`, () =>
      cluster
        .kubectlWith({ input: rendered }, ...act)
        .catch((error: Error) => (/no matches for kind/.test(error.message) ? undefined : Promise.reject(error))),
    );
    t.equal(told.trim().split('\n').length, objects.length, set);
    for (const { kind, metadata, spec } of objects.filter(({ kind }) => /^(Deployment|StatefulSet)$/.test(kind))) {
      const pod = { ...spec.template.spec, serviceAccountName: 'default', priorityClassName: undefined };
      const mounts = (pod.containers as { volumeMounts: { name: string }[] }[])[0]!.volumeMounts;
      // Of a StatefulSet the claim is added by its controller.
      if (!pod.volumes.some(({ name }: { name: string }) => name === 'data'))
        pod.volumes.push({ name: 'data', persistentVolumeClaim: { claimName: mounts[0]!.name } });
      const { status, body } = await cluster.request(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
        method: 'POST',
        body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one' }, spec: pod },
      });
      t.equal(status, 201, `${level} takes a pod of ${kind} ${metadata.name}: ${body.message ?? 'yes'}`);
    }
  }
});

t.test('what the gateway may, and what not', { skip }, async (t) => {
  await answers(t, cluster, gateway, {
    yes: [
      ['create', 'namespaces', ''],
      ['patch', 'resourcequotas', 'knot-ada'],
      ['patch', 'rolebindings.rbac.authorization.k8s.io', 'knot-ada'],
      ['bind', 'clusterroles.rbac.authorization.k8s.io', '', 'knot-user'],
      ['impersonate', 'serviceaccounts', 'knot-ada', 'knot-user'],
      ['watch', 'pods', ''],
      ['watch', 'ingresses.networking.k8s.io', ''],
      ['list', 'nodes', ''],
      ['list', 'httproutes.gateway.networking.k8s.io', ''],
      ['get', 'secrets', 'knot-home', 'knot-admission'],
      // Who may change this rule is bound by none that says who may do something.
      ['patch', 'validatingadmissionpolicies.admissionregistration.k8s.io', '', 'knot-managed'],
      ['patch', 'mutatingwebhookconfigurations.admissionregistration.k8s.io', '', 'knot-admission'],
      ['update', 'leases.coordination.k8s.io', 'knot-home'],
      ['get', 'persistentvolumeclaims', 'knot-home', 'knot-files'],
    ],
    no: [
      ['get', 'secrets', 'knot-ada'],
      ['list', 'secrets', ''],
      ['get', 'secrets', 'kube-system'],
      // Its own database, even.
      ['get', 'secrets', 'knot-home', 'knot-postgresql'],
      ['list', 'secrets', 'knot-home'],
      ['get', 'configmaps', 'knot-ada'],
      ['get', 'persistentvolumeclaims', 'knot-ada'],
      ['update', 'leases.coordination.k8s.io', 'kube-system'],
      ['get', 'pods/log', 'knot-ada'],
      ['patch', 'ingresses.networking.k8s.io', 'knot-ada'],
      ['update', 'ingresses/status.networking.k8s.io', 'knot-ada'],
      ['create', 'pods', 'knot-ada'],
      ['create', 'pods/exec', 'knot-ada'],
      ['create', 'serviceaccounts/token', 'knot-ada'],
      ['bind', 'clusterroles.rbac.authorization.k8s.io', '', 'cluster-admin'],
      ['bind', 'clusterroles.rbac.authorization.k8s.io', '', 'edit'],
      ['escalate', 'clusterroles.rbac.authorization.k8s.io', '', 'knot-user'],
      ['patch', 'clusterroles.rbac.authorization.k8s.io', '', 'knot-user'],
      ['create', 'clusterrolebindings.rbac.authorization.k8s.io', ''],
      ['create', 'roles.rbac.authorization.k8s.io', 'knot-ada'],
      ['impersonate', 'serviceaccounts', 'knot-ada', 'default'],
      ['impersonate', 'serviceaccounts', 'kube-system', 'clusterrole-aggregation-controller'],
      ['impersonate', 'users', '', 'admin'],
      ['impersonate', 'groups', '', 'system:masters'],
      ['patch', 'nodes', ''],
      ['patch', 'mutatingwebhookconfigurations.admissionregistration.k8s.io', '', 'of-somebody-else'],
      ['create', 'customresourcedefinitions.apiextensions.k8s.io', ''],
      ['*', '*', ''],
    ],
  });
});

t.test(
  'what a person may in their namespace and nowhere else, and what the account of every pod may',
  { skip },
  async (t) => {
    await cluster.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'knot-ada' } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'knot-user', namespace: 'knot-ada' } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'knot-user', namespace: 'knot-ada' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'knot-user' },
        subjects: [{ kind: 'ServiceAccount', name: 'knot-user', namespace: 'knot-ada' }],
      },
    );
    const write = ['create', 'update', 'patch', 'delete', 'deletecollection'];
    const own = (verbs: string[], ...resources: string[]) =>
      resources.flatMap((resource) => verbs.map((verb): Question => [verb, resource, 'knot-ada']));
    const no: Question[] = [
      ...own(
        write,
        'networkpolicies.networking.k8s.io',
        'serviceaccounts',
        'resourcequotas',
        'limitranges',
        'namespaces',
        'events',
      ),
      ...own(
        write,
        'roles.rbac.authorization.k8s.io',
        'rolebindings.rbac.authorization.k8s.io',
        'endpointslices.discovery.k8s.io',
        'endpoints',
      ),
      ...own(
        ['create'],
        'serviceaccounts/token',
        'pods/proxy',
        'services/proxy',
        'pods/binding',
        'localsubjectaccessreviews.authorization.k8s.io',
      ),
      ...own(
        ['get'],
        'pods/proxy',
        'services/proxy',
        'roles.rbac.authorization.k8s.io',
        'rolebindings.rbac.authorization.k8s.io',
      ),
      ...own(['update', 'patch'], 'pods/ephemeralcontainers', 'pods/resize', 'pods/status', 'services/status'),
      ...own(['impersonate'], 'serviceaccounts'),
      ['bind', 'clusterroles.rbac.authorization.k8s.io', '', 'knot-user'],
      ['use', 'podsecuritypolicies.policy', 'knot-ada'],
    ];
    const elsewhere: Question[] = ['knot-ben', 'knot-home', 'kube-system', ''].flatMap((namespace): Question[] => [
      ['get', 'pods', namespace],
      ['list', 'secrets', namespace],
      ['create', 'pods/exec', namespace],
      ['get', 'namespaces', namespace],
      ['get', 'persistentvolumes', ''],
      ['get', 'nodes', ''],
    ]);
    await answers(t, cluster, account('knot-ada', 'knot-user'), {
      yes: [
        ...own(
          ['get', 'list', 'watch', ...write],
          'pods',
          'services',
          'configmaps',
          'secrets',
          'persistentvolumeclaims',
        ),
        ...own(
          ['get', 'list', 'watch', ...write],
          'deployments.apps',
          'statefulsets.apps',
          'jobs.batch',
          'cronjobs.batch',
        ),
        ...own(['get', 'list', 'watch', ...write], 'ingresses.networking.k8s.io', 'poddisruptionbudgets.policy'),
        ...own(['patch'], 'deployments.apps/scale', 'statefulsets.apps/scale'),
        ...own(['get', 'create'], 'pods/exec', 'pods/portforward', 'pods/attach'),
        ...own(
          ['get'],
          'pods/log',
          'resourcequotas',
          'limitranges',
          'events',
          'networkpolicies.networking.k8s.io',
          'namespaces',
        ),
        ...own(['get', 'list'], 'pods.metrics.k8s.io', 'serviceaccounts'),
      ],
      no: [...no, ...elsewhere],
    });
    await answers(t, cluster, account('knot-ada', 'default'), {
      yes: [],
      no: [
        ...own(['get', 'list', 'create'], 'pods', 'secrets', 'configmaps', 'services', 'namespaces'),
        ...no,
        ...elsewhere,
      ],
    });
  },
);

t.test(
  'the gateway writes in its own namespace and those with the label of Knot, whatever its role allows',
  { skip },
  async (t) => {
    const token = await cluster.serviceAccountToken('knot-home', 'knot-gateway');
    const apply = async (path: string, object: object) =>
      cluster.request(`${path}?fieldManager=knot&force=true`, {
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        body: object,
        token,
      });
    const namespaceOf = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'knot' } },
    });
    const binding = (namespace: string, role = 'knot-user') => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: role, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'knot-user', namespace }],
    });
    const bind = (namespace: string, role?: string) =>
      apply(
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/${role ?? 'knot-user'}`,
        binding(namespace, role),
      );

    // A policy is in force a moment after it was made.
    await eventually('the bounds', async () => (await bind('default')).status === 403);
    t.match((await bind('default')).body.message, /The gateway writes in namespaces of Knot only/);
    t.equal((await apply('/api/v1/namespaces/knot-cleo', namespaceOf('knot-cleo'))).status, 201);
    t.equal((await apply('/api/v1/namespaces/knot-cleo', namespaceOf('knot-cleo'))).status, 200, 'and once more');
    t.equal((await bind('knot-cleo')).status, 201);
    t.match(
      (await bind('knot-cleo', 'cluster-admin')).body.message,
      /is attempting to grant RBAC permissions not currently held/,
    );
    t.match(
      (await apply('/api/v1/namespaces/elsewhere', namespaceOf('elsewhere'))).body.message,
      /makes and changes namespaces of people and teams only/,
    );

    // One that was there already is nobody's to take.
    for (const name of ['kube-system', 'default', 'knot-found']) {
      if (name === 'knot-found') await cluster.kubectl('create', 'namespace', name);
      t.match(
        (await apply(`/api/v1/namespaces/${name}`, namespaceOf(name))).body.message,
        name === 'knot-found' ? /takes over no namespace that is there already/ : /of people and teams only/,
        name,
      );
      t.equal((await bind(name)).status, 403, name);
      const removed = await cluster.request(`/api/v1/namespaces/${name}`, { method: 'DELETE', token });
      t.equal(removed.status, 403, `${name} is not removed`);
    }
    await cluster.kubectl('annotate', 'namespace', 'knot-found', 'default', 'knot/adopt=found');
    t.equal((await apply('/api/v1/namespaces/default', namespaceOf('default'))).status, 403, 'of another name, never');
    t.equal(
      (await apply('/api/v1/namespaces/knot-found', namespaceOf('knot-found'))).status,
      200,
      'an administrator gave it',
    );
    await eventually('the label in force', async () => (await bind('knot-found')).status === 201);
    // Whoever takes off one label takes it out of Knot's hands no more than that: it is put on again.
    await cluster.kubectl('label', 'namespace', 'knot-found', 'knot/owner-id=1', 'app.kubernetes.io/managed-by-');
    t.equal((await apply('/api/v1/namespaces/knot-found', namespaceOf('knot-found'))).status, 200);
    // What it is asked to do as a person is bounded by that person's role.
    const asUser = (name: string) =>
      cluster.request('/api/v1/namespaces/knot-cleo/secrets', { token, headers: { 'impersonate-user': name } });
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'knot-user', namespace: 'knot-cleo' },
    });
    t.equal((await asUser(account('knot-cleo', 'knot-user'))).status, 200);
    t.equal((await asUser(account('knot-ada', 'knot-user'))).status, 403, 'another person');
    t.match((await asUser(account('kube-system', 'namespace-controller'))).body.message, /cannot impersonate/);
    t.match((await asUser('admin')).body.message, /cannot impersonate/);

    const rules = objectsIn(await helm(['template', 'knot', chartFolder, '--show-only', 'templates/rbac-gateway.yaml']))
      .filter(({ kind }) => kind.endsWith('Role'))
      .flatMap((role) => role['rules'] as Rule[]);
    const { used, neverUsed, refused } = await eventually('the whole audit log', async () => {
      const result = rightsUsed(await cluster.auditLog(), gateway, rules);
      return result.used.has('delete namespaces') && result;
    });
    t.ok(used.get('patch namespaces')! >= 5);
    t.ok(used.get('impersonate serviceaccounts=knot-user')! >= 2);
    t.ok(neverUsed.includes('patch persistentvolumes'));
    t.notOk(neverUsed.includes('create namespaces'), 'what is applied and not there is created');
    t.ok(
      refused.every((call) => !call.includes('/rolebindings/knot-user')),
      'what admission refuses is no want of a right',
    );
  },
);
