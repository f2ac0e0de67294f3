import { core, type Ground, inGroup, type Probe, rbac, type Right, type Subject } from '../probe.ts';
import { claimSpec, ingress, meta, pod, selector, service, template } from './objects.ts';

type Mounted = { spec?: { containers?: { volumeMounts?: { mountPath?: string }[]; env?: { name?: string }[] }[] } };

/** Whether the answer is a pod with these paths in its containers, and told about them. */
const hasFiles =
  (...paths: string[]) =>
  (answer: Record<string, unknown>): boolean => {
    const [first] = (answer as Mounted).spec?.containers ?? [];
    const found = new Set(first?.volumeMounts?.map(({ mountPath }) => mountPath));
    return paths.every((path) => found.has(path)) && first?.env?.some(({ name }) => name === 'KNOT_USERNAME') === true;
  };

/** What must go on working: who may do nothing is safe, too. */
export function worksProbes({ ann, joanna, team, servicesDomain }: Ground): Probe[] {
  const made = (id: string, title: string, path: string, body: unknown): Probe => ({
    ...{ id, title, as: 'ann', expect: 'works' },
    act: { method: 'POST', path, body },
  });
  const read = (id: string, title: string, path: string): Probe => ({
    id,
    title,
    as: 'ann',
    expect: 'works',
    act: { path },
  });
  const may = (id: string, title: string, right: Right): Probe => ({
    ...{ id, title, as: 'ann', expect: 'works' },
    may: { namespace: ann.namespace, ...right },
  });
  const networking = inGroup('networking.k8s.io', ann);
  const podWithFiles = (as: Probe['as'], whose: Subject, id: string, title: string, ...paths: string[]): Probe => ({
    ...{ id, title, as, expect: 'works', is: hasFiles(...paths) },
    act: { method: 'POST', path: `${core(whose)}/pods`, body: pod() },
  });
  const host = `probe-${ann.name}.${servicesDomain}`;
  return [
    podWithFiles('ann', ann, 'pod-has-files', 'a pod gets the files of its owner', '/files/private', '/files/shared'),
    podWithFiles(
      'joanna-kubectl',
      team,
      'team-pod-has-files',
      'a pod of a team gets the files of the team',
      `/files/team/${team.name}`,
      '/files/shared',
    ),
    {
      ...{ id: 'pod-without-files', title: 'a pod that asks for no files', as: 'ann', expect: 'works' },
      act: { method: 'POST', path: `${core(ann)}/pods`, body: pod({}, {}, { 'knot/files': 'none' }) },
      is: (answer) => !hasFiles('/files/private')(answer),
    },
    made('new-deployment', 'make a Deployment', `${inGroup('apps', ann)}/deployments`, {
      metadata: meta('mine'),
      spec: { selector, template: template() },
    }),
    made('new-statefulset', 'make a StatefulSet with storage of its own', `${inGroup('apps', ann)}/statefulsets`, {
      metadata: meta('mine'),
      spec: {
        selector,
        serviceName: 'x',
        template: template(),
        volumeClaimTemplates: [{ metadata: meta('v'), spec: claimSpec() }],
      },
    }),
    made('new-job', 'make a Job', `${inGroup('batch', ann)}/jobs`, {
      metadata: meta('mine'),
      spec: { template: template({}, 'Never') },
    }),
    made('new-cronjob', 'make a CronJob', `${inGroup('batch', ann)}/cronjobs`, {
      metadata: meta('mine'),
      spec: { schedule: '0 * * * *', jobTemplate: { spec: { template: template({}, 'Never') } } },
    }),
    made('new-service', 'make a Service', `${core(ann)}/services`, { ...service({}), metadata: meta('mine') }),
    made('new-headless-service', 'make a Service for a StatefulSet', `${core(ann)}/services`, {
      ...service({ clusterIP: 'None' }),
      metadata: meta('mine'),
    }),
    made(
      'new-address',
      'open an address of one’s own',
      `${networking}/ingresses`,
      ingress(host, { tls: [{ hosts: [host] }] }),
    ),
    made('new-claim', 'ask for storage', `${core(ann)}/persistentvolumeclaims`, {
      metadata: meta('mine'),
      spec: claimSpec(),
    }),
    made('new-secret', 'keep a Secret', `${core(ann)}/secrets`, { metadata: meta('mine'), stringData: { a: 'b' } }),
    made('new-configmap', 'keep a ConfigMap', `${core(ann)}/configmaps`, { metadata: meta('mine'), data: { a: 'b' } }),
    made('new-release', 'keep a release of Helm', `${core(ann)}/secrets`, {
      metadata: meta('mine', { labels: { owner: 'helm' } }),
      type: 'helm.sh/release.v1',
    }),
    made('new-lease', 'choose one of several replicas', `${inGroup('coordination.k8s.io', ann)}/leases`, {
      metadata: meta('mine'),
    }),
    {
      ...{ id: 'change-own', title: 'change what is one’s own', as: 'ann', expect: 'works' },
      act: { method: 'PATCH', path: `${inGroup('apps', ann)}/deployments/probe`, body: { spec: { replicas: 2 } } },
    },
    {
      ...{ id: 'remove-own', title: 'remove what is one’s own', as: 'ann', expect: 'works' },
      act: { method: 'DELETE', path: `${inGroup('apps', ann)}/deployments/probe` },
    },
    read('own-secret', 'read one’s own Secret', `${core(ann)}/secrets/probe`),
    read('own-pods', 'list one’s pods', `${core(ann)}/pods`),
    read('own-events', 'read what happens at one’s own', `${core(ann)}/events`),
    read('own-quota', 'read what one may have', `${core(ann)}/resourcequotas/knot`),
    read('own-limits', 'read what a container gets', `${core(ann)}/limitranges/knot`),
    read('own-network', 'read what shuts one’s network', `${networking}/networkpolicies/knot-deny`),
    read('own-files', 'see the claim on one’s files', `${core(ann)}/persistentvolumeclaims/knot-private`),
    read('own-accounts', 'list one’s service accounts', `${core(ann)}/serviceaccounts`),
    read('own-namespace', 'read one’s namespace', core(ann)),
    may('own-terminal', 'open a terminal in one’s pods', { verb: 'create', resource: 'pods', subresource: 'exec' }),
    may('own-logs', 'read the logs of one’s pods', { verb: 'get', resource: 'pods', subresource: 'log' }),
    may('own-forward', 'forward a port of one’s pods', {
      verb: 'create',
      resource: 'pods',
      subresource: 'portforward',
    }),
    may('own-scale', 'scale what is one’s own', {
      verb: 'patch',
      group: 'apps',
      resource: 'deployments',
      subresource: 'scale',
    }),
    {
      id: 'own-by-kubectl',
      title: 'reach one’s own with kubectl',
      as: 'ann-kubectl',
      expect: 'works',
      act: { path: `${core(ann)}/secrets` },
    },
    {
      id: 'team-by-member',
      title: 'a member reaches the team’s with kubectl',
      as: 'joanna-kubectl',
      expect: 'works',
      act: { path: `${core(team)}/secrets` },
    },
    {
      ...{
        id: 'team-write-by-member',
        title: 'a member writes into the team’s',
        as: 'joanna-kubectl',
        expect: 'works',
      },
      act: { method: 'POST', path: `${core(team)}/configmaps`, body: { metadata: meta('mine') } },
    },
    {
      id: 'other-own',
      title: 'the other person reaches their own',
      as: 'joanna',
      expect: 'works',
      act: { path: `${core(joanna)}/secrets/probe` },
    },
  ];
}

/** As much of an answer as is looked at. */
type Found = {
  metadata: { name: string; labels?: Record<string, string>; deletionTimestamp?: string };
  spec: {
    policyTypes?: string[];
    ingress?: unknown;
    egress?: unknown;
    podSelector?: object;
    claimRef?: { namespace: string };
    persistentVolumeReclaimPolicy?: string;
  };
  roleRef: { name: string };
  automountServiceAccountToken?: boolean;
  items: Found[];
};

/** What stands in the cluster, as the operator sees it. */
export function stateProbes({ ann, joanna, team, podSecurity }: Ground): Probe[] {
  const stands = (id: string, title: string, path: string, is: (found: Found) => boolean): Probe => ({
    ...{ id, title, as: 'operator', expect: 'works', act: { path } },
    is: (answer) => is(answer as Found),
  });
  const shut = (whose: Subject, which: string) =>
    stands(
      `network-of-${which}`,
      `the network of the ${which} is shut`,
      `${inGroup('networking.k8s.io', whose)}/networkpolicies/knot-deny`,
      ({ spec: { policyTypes = [], ingress, egress, podSelector = {} } }) =>
        policyTypes.length === 2 && !ingress && !egress && Object.keys(podSelector).length === 0,
    );
  const volumes = `/api/v1/persistentvolumes?labelSelector=${encodeURIComponent(`knot/owner=${joanna.name}`)}`;
  return [
    shut(ann, 'one'),
    shut(joanna, 'other'),
    shut(team, 'team'),
    stands(
      'pod-security',
      'the namespace enforces the level of Pod Security',
      core(ann),
      ({ metadata }) => metadata.labels?.['pod-security.kubernetes.io/enforce'] === podSecurity,
    ),
    stands(
      'default-account',
      'the account of every pod has no token',
      `${core(ann)}/serviceaccounts/default`,
      ({ automountServiceAccountToken }) => automountServiceAccountToken === false,
    ),
    stands(
      'claims-of-former-member',
      'the files of a team that one has left are gone',
      `${core(ann)}/persistentvolumeclaims`,
      ({ items }) =>
        items.every(
          ({ metadata: { name, deletionTimestamp } }) =>
            name !== `knot-team-${team.name}` || deletionTimestamp !== undefined,
        ),
    ),
    stands(
      'one-role',
      'nothing but the role of people is bound in the namespace',
      `${inGroup(rbac, ann)}/rolebindings`,
      ({ items }) => items.length > 0 && items.every(({ roleRef }) => roleRef.name === 'knot-user'),
    ),
    stands(
      'volumes-are-pinned',
      'the volumes of somebody are for their claims only, and are kept',
      volumes,
      ({ items }) =>
        items.length > 0 &&
        items.every(
          ({ spec }) =>
            spec.claimRef?.namespace === joanna.namespace && spec.persistentVolumeReclaimPolicy === 'Retain',
        ),
    ),
  ];
}
