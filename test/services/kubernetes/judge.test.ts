import fc from 'fast-check';
import t from 'tap';
import { NotAManifest, readManifest, writeManifest } from '../../../gateway/services/kubernetes/manifest.ts';
import { judge } from '../../../gateway/services/kubernetes/judge.ts';

const grounds = { namespace: 'knot-ann', release: 'web', host: 'web-ann.example.org' };
const judged = (text: string) => judge(readManifest(text), grounds);
const said = (text: string): string[] => {
  const found = judged(text);
  return 'problems' in found ? found.problems.map(({ message }) => message) : [];
};

const deployment = (pod: string, name = 'web', metadata = '') => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}${metadata} }
spec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: ${pod} } }
`;
const plainPod = '{ containers: [{ name: a, image: a }] }';
const plain = deployment(plainPod);
const service = (spec: string, name = 'web', annotations = '') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}${annotations} }\nspec: ${spec}\n`;
const http = '{ selector: { app: web }, ports: [{ name: http, port: 80 }] }';

t.test('what keeps to its namespace may be applied', async (t) => {
  const found = judged(`${plain}---\n${service(http)}---
apiVersion: v1
kind: Secret
metadata: { name: web, namespace: knot-ann }
type: servicebinding.io/postgresql
stringData: { password: x }
---
apiVersion: batch/v1
kind: Job
metadata: { name: make, annotations: { helm.sh/hook: post-install } }
spec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, image: a }] } } }
---
apiVersion: v1
kind: Pod
metadata: { name: try, annotations: { helm.sh/hook: test } }
spec: ${plainPod}
`);
  if ('problems' in found) return t.fail(JSON.stringify(found.problems));
  t.strictSame(
    found.objects.map(({ kind }) => kind),
    ['Deployment', 'Service', 'Secret', 'Job'],
    'without what only a test would run',
  );
  t.strictSame(found.exposed, { service: 'web', port: 'http' });
});

const object = (apiVersion: string, kind: string, more = '') =>
  `${plain}---\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x${more} }\n`;
const pod = (spec: string) => deployment(`{ containers: [{ name: a, image: a }], ${spec} }`);
const container = (more: string) => deployment(`{ containers: [{ name: a, image: a, ${more} }] }`);

const hostile: Record<string, [text: string, says: RegExp]> = {
  'a right in the whole cluster': [
    object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'),
    /rights in the whole cluster/,
  ],
  'a right in the namespace': [object('rbac.authorization.k8s.io/v1', 'RoleBinding'), /gives rights/],
  'a role': [object('rbac.authorization.k8s.io/v1', 'Role'), /gives rights/],
  'the same kind by another version': [object('rbac.authorization.k8s.io/v1alpha1', 'RoleBinding'), /gives rights/],
  'a kind we know of a group we do not': [
    object('evil.example.org/v1', 'ConfigMap'),
    /kind that a service may not have/,
  ],
  'a way through the network': [object('networking.k8s.io/v1', 'NetworkPolicy'), /who reaches whom/],
  'a webhook': [object('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration'), /whole cluster/],
  'a volume': [object('v1', 'PersistentVolume'), /storage of the whole cluster/],
  'a namespace': [object('v1', 'Namespace'), /namespace itself/],
  'a new kind': [object('apiextensions.k8s.io/v1', 'CustomResourceDefinition'), /new kind/],
  'an identity': [object('v1', 'ServiceAccount'), /identity/],
  'a larger plan': [object('v1', 'ResourceQuota'), /plan/],
  'every node': [object('apps/v1', 'DaemonSet'), /every node/],
  'addresses by hand': [object('discovery.k8s.io/v1', 'EndpointSlice'), /addresses by hand/],
  'a kind that nobody knows': [object('example.org/v1', '__proto__'), /kind that a service may not have/],
  'another namespace': [object('v1', 'ConfigMap', ', namespace: kube-system'), /namespace "kube-system"/],
  'a namespace that is none': [object('v1', 'ConfigMap', ', namespace: [knot-ann]'), /belongs to the namespace/],
  'what Knot keeps there': [
    `${plain}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: knot-private }\nspec: {}\n`,
    /Knot keeps there/,
  ],
  'a finalizer that nobody takes away': [object('v1', 'ConfigMap', ', finalizers: [a/b]'), /has finalizers/],
  'an owner': [object('v1', 'ConfigMap', ', ownerReferences: []'), /has ownerReferences/],
  'a label of Knot': [object('v1', 'ConfigMap', ', labels: { knot/owner: bob }'), /label knot\/owner/],
  'a label of Knot on pods': [
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { metadata: { labels: { knot/service: x } }, spec: { containers: [] } } }\n',
    /label knot\/service/,
  ],
  'a label of Knot on claims': [
    'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: web }\nspec: { template: { spec: { containers: [] } }, volumeClaimTemplates: [{ metadata: { labels: { knot/service: x } }, spec: {} }] }\n',
    /label knot\/service/,
  ],
  'that Knot manages it': [
    object('v1', 'ConfigMap', ', labels: { app.kubernetes.io/managed-by: knot }'),
    /Knot manages it/,
  ],
  'a release': [
    `${plain}---\napiVersion: v1\nkind: Secret\nmetadata: { name: x }\ntype: helm.sh/release.v1\n`,
    /pretends to be a release/,
  ],
  'a release by its name': [
    `${plain}---\napiVersion: v1\nkind: Secret\nmetadata: { name: sh.helm.release.v1.web.v9 }\n`,
    /pretends to be a release/,
  ],
  'a token': [
    `${plain}---\napiVersion: v1\nkind: Secret\nmetadata: { name: x }\ntype: kubernetes.io/service-account-token\n`,
    /token/,
  ],
  'a folder of the node': [pod('volumes: [{ name: v, hostPath: { path: / } }]'), /folder of its node/],
  'a mount from elsewhere': [pod('volumes: [{ name: v, nfs: { server: a, path: / } }]'), /volume of the kind nfs/],
  'a volume behind an innocent one': [
    pod('volumes: [{ name: v, emptyDir: {}, hostPath: { path: / } }]'),
    /folder of its node/,
  ],
  'the network of the node': [pod('hostNetwork: true'), /network of its node/],
  'processes of the node': [pod('hostPID: true'), /processes of its node/],
  'a certain node': [pod('nodeName: master'), /past the scheduler/],
  'nodes of the cluster itself': [pod('tolerations: [{ operator: Exists }]'), /nodes that are kept/],
  'a priority above all': [pod('priorityClassName: system-node-critical'), /priority of the cluster/],
  'the person themselves': [pod('serviceAccountName: knot-user'), /service account "knot-user"/],
  'the person by the old name': [pod('serviceAccount: knot-user'), /service account "knot-user"/],
  'the whole node': [container('securityContext: { privileged: true }'), /privileged/],
  'a port of the node': [container('ports: [{ containerPort: 1, hostPort: 1 }]'), /port of its node/],
  'the same in what runs first': [
    deployment('{ initContainers: [{ name: a, securityContext: { privileged: true } }], containers: [] }'),
    /privileged/,
  ],
  'the same in a task': [
    `${plain}---\napiVersion: batch/v1\nkind: CronJob\nmetadata: { name: x }\nspec: { jobTemplate: { spec: { template: { spec: { hostPID: true } } } } }\n`,
    /processes of its node/,
  ],
  'the same in a hook': [
    `${plain}---\napiVersion: v1\nkind: Pod\nmetadata: { name: x, annotations: { helm.sh/hook: pre-delete } }\nspec: { hostNetwork: true }\n`,
    /network of its node/,
  ],
  'a hook that gives rights': [
    object('rbac.authorization.k8s.io/v1', 'RoleBinding', ', annotations: { helm.sh/hook: pre-install }'),
    /gives rights/,
  ],
  'a moment that is none': [object('v1', 'ConfigMap', ', annotations: { helm.sh/hook: crd-install }'), /no moment/],
  'a pod by itself': [
    `${plain}---\napiVersion: v1\nkind: Pod\nmetadata: { name: x }\nspec: ${plainPod}\n`,
    /by itself/,
  ],
  'a way in past Knot': [
    `${plain}---\n${service('{ type: NodePort, selector: { app: web }, ports: [] }')}`,
    /past Knot/,
  ],
  'a balancer': [`${plain}---\n${service('{ type: LoadBalancer, selector: { app: web } }')}`, /past Knot/],
  'a name elsewhere': [
    `${plain}---\n${service('{ type: ExternalName, externalName: kubernetes.default.svc }')}`,
    /past Knot/,
  ],
  'addresses outside': [
    `${plain}---\n${service('{ externalIPs: [1.2.3.4], selector: { app: web } }')}`,
    /outside the cluster/,
  ],
  'no pods behind it': [`${plain}---\n${service('{ ports: [{ name: http, port: 80 }] }')}`, /selects no pods/],
  'a certain volume': [
    `${plain}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: x }\nspec: { volumeName: pv-bob }\n`,
    /certain volume/,
  ],
  'a copy of what others have': [
    `${plain}---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: x }\nspec: { dataSourceRef: { kind: PersistentVolumeClaim, name: a, namespace: knot-bob } }\n`,
    /another namespace/,
  ],
  'two ways in': [`${plain}---\n${service(http)}---\n${service(http, 'other')}`, /several Services/],
  'the host of somebody else': [ingress('bob.example.org', 'web'), /host "bob.example.org"/],
  'every host': [ingress('', 'web'), /every host/],
  'every host below': [ingress("'*.example.org'", 'web'), /host "\*\.example\.org"/],
  'somebody else’s Service': [ingress('web-ann.example.org', 'database'), /no Service of it/],
  'an Ingress for all': [
    `${plain}---\n${service(http)}---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: x }\nspec: { defaultBackend: { service: { name: web, port: { number: 80 } } } }\n`,
    /every host/,
  ],
  'a route into another namespace': [
    `${plain}---\n${service(http)}---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: x }\nspec: { hostnames: [web-ann.example.org], rules: [{ backendRefs: [{ name: web, namespace: knot-bob, port: 80 }] }] }\n`,
    /no Service of it/,
  ],
  'a list that hides it': [
    `${plain}---\napiVersion: v1\nkind: List\nitems: [{ apiVersion: v1, kind: Namespace, metadata: { name: x } }]\n`,
    /namespace itself/,
  ],
  'the same twice': [`${plain}---\n${plain}`, /twice/],
  'no name of an object': [object('v1', 'ConfigMap').replace('name: x', "name: '../x'"), /name that is none/],
  nothing: ['# nothing\n', /renders nothing/],
  'nothing that runs': [
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
    /nothing in it that goes on running/,
  ],
};

function ingress(host: string, to: string): string {
  return `${plain}---\n${service(http)}---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: x }\nspec: { rules: [{ host: ${host || "''"}, http: { paths: [{ path: /, backend: { service: { name: ${to}, port: { name: http } } } }] } }] }\n`;
}

for (const [what, [text, says]] of Object.entries(hostile))
  t.test(`a chart with ${what} is refused`, async (t) =>
    t.ok(
      said(text).some((one) => says.test(one)),
      said(text).join('\n') || 'it was not refused',
    ),
  );

t.test('an Ingress for the service’s own host says which Service is reached, and is not applied', async (t) => {
  const found = judged(ingress('web-ann.example.org', 'web'));
  t.match(found, { exposed: { service: 'web', port: 'http' } });
  t.notOk('objects' in found && found.objects.some(({ kind }) => kind === 'Ingress'));
});

t.test('what was judged is what Helm reads: any text, on one line', async () => {
  const breaks = fc.constantFrom('\u0085', '\u2028', '\u2029', '\ufeff', '\u007f', '\n---\n', '{{', '\u{1f600}');
  const text = fc.oneof(breaks, fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(fc.dictionary(text, fc.oneof(text, fc.jsonValue())), (data) => {
      const given = [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: JSON.parse(JSON.stringify(data)) },
      ];
      const text = writeManifest(given);
      if (/^---/m.test(text.slice(3)) || /[\u0080-\u00a0\u2028\u2029\ufeff]/.test(text)) return false;
      return JSON.stringify(readManifest(text)) === JSON.stringify(given);
    }),
    { numRuns: 300 },
  );
});

t.test('whatever else an object says, one of a kind that is not among those of a service is refused', async () => {
  const kinds = [
    'ConfigMap',
    'Secret',
    'Service',
    'PersistentVolumeClaim',
    'Pod',
    'Deployment',
    'StatefulSet',
    'Job',
    'CronJob',
  ];
  const more = ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Ingress', 'HTTPRoute'];
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (apiVersion, kind, rest) => {
      fc.pre(![...kinds, ...more].includes(kind));
      const object = { ...JSON.parse(JSON.stringify(rest)), apiVersion, kind, metadata: { name: 'x' } };
      return 'problems' in judge([...readManifest(plain), object], grounds);
    }),
  );
});

t.test('ten thousand objects are refused before they are read', async (t) => {
  const text = Array.from(
    { length: 10_000 },
    (_, at) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c${at} }\n`,
  ).join('---\n');
  t.throws(() => readManifest(text), /objects, and a service may have 200/);
});

t.test('YAML is read as Kubernetes reads it', async (t) => {
  const [found] = readManifest(
    'apiVersion: v1\nkind: X\nmetadata: { name: a }\nmode: 0755\nyes: on\nat: 2001-12-14\ntime: 12:30:45\nbytes: !!binary aGk=\nbase: &b { x: 1 }\nfrom: { <<: *b }\n',
  );
  t.match(found, { mode: 493, true: true, at: '2001-12-14', time: '12:30:45', bytes: 'aGk=', from: { x: 1 } });
});

t.test('what is no manifest is told in one line', async (t) => {
  for (const text of [
    'a: [',
    '- 1',
    'kind: X\n',
    'apiVersion: v1\nkind: X\n',
    `a: ${'['.repeat(20_000)}`,
    'a: &a [*a]',
    `&a [${'*a,'.repeat(200)}]`,
  ])
    try {
      t.fail(JSON.stringify(readManifest(text)));
    } catch (error) {
      t.ok(error instanceof NotAManifest, `${text.slice(0, 20)}: ${(error as Error).message}`);
    }
});
