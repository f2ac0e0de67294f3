import t from 'tap';
import { entryOf } from '../../gateway/discovery/entry.ts';
import { serviceOf, targetOf, type Targets } from '../../gateway/discovery/targets.ts';
import { mostAddresses, wantedOf } from '../../gateway/discovery/wanted.ts';
import { addressesOfPod, endpointsOf, type KubeObject } from '../../gateway/kube/index.ts';
import { backendOf, httpRoute, ingress, pod, service, slice } from './things.ts';

const hostOfService = (label: string) => `${label}.example.org`;
const ofAnn = (...objects: KubeObject[]) => wantedOf(objects.map(entryOf), { owner: 'ann', hostOfService });

/** What of one object is refused, and why; it is a fault of the test where something is granted. */
function refusal(object: KubeObject): string {
  const { granted, refused } = ofAnn(object);
  if (granted.length > 0) return `granted: ${granted.map(({ host }) => host).join()}`;
  return refused.map(({ reason }) => reason).join(' ');
}

t.test('a host that the naming rule gives its owner is granted, by an Ingress and by an HTTPRoute', async (t) => {
  t.match(ofAnn(ingress('web', ['web-ann.example.org'])), {
    granted: [{ object: 'Ingress web', name: 'web', label: 'web-ann', backend: { service: 'web', port: 80 } }],
    refused: [],
  });
  const two = ingress('two', ['a-ann.example.org', 'b-b-ann.example.org']);
  t.match(ofAnn(two).granted, [{ name: 'a' }, { name: 'b-b' }]);
  const rule = { matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs: [{ name: 'web', port: 80 }] };
  t.match(ofAnn(httpRoute('way', ['web-ann.example.org'], rule)).granted, [{ object: 'HTTPRoute way', name: 'web' }]);
  const own = {
    backendRefs: [{ name: 'web', namespace: 'knot-ann', kind: 'Service', group: '', port: 80, weight: 1 }],
  };
  t.equal(ofAnn(httpRoute('way', ['web-ann.example.org'], own)).granted.length, 1, 'its own namespace, named');
});

t.test('hosts of others, look-alikes, wildcards and what is no host at all are refused', async (t) => {
  const foreign = [
    ...['web-joanna.example.org', 'web-joann.example.org', 'ann.example.org', '-ann.example.org'],
    ...['web.ann.example.org', 'web-ann.example.org.evil.org', 'web-ann.example.com', 'x.web-ann.example.org'],
    ...['web-ann', 'example.org', 'jupyterhub.example.org', 'web-ann.EXAMPLE.org', 'WEB-ann.example.org'],
    ...['web-ann.example.org.', ' web-ann.example.org', 'web-ann.example.org:443', 'webann.example.org'],
    ...['wéb-ann.example.org', 'web_x-ann.example.org', '1web-ann.example.org', 'a--b-ann.example.org'],
    ...['xn--80ak6aa92e-ann.example.org', `${'a'.repeat(33)}-ann.example.org`, 'web--ann.example.org', '10.0.0.1'],
  ];
  for (const host of foreign) t.match(refusal(ingress('x', [host])), /NAME-ann\.example\.org/, host);
  for (const host of ['*.example.org', '*-ann.example.org', '*.web-ann.example.org', '*'])
    t.match(refusal(ingress('x', [host])), /wildcard/, host);
  t.match(refusal(ingress('x', [''])), /every host/);
  const rule = { backendRefs: [{ name: 'web', port: 80 }] };
  t.match(refusal(httpRoute('x', [], rule)), /every host/);
  t.match(refusal(httpRoute('x', ['*.example.org'], rule)), /wildcard/);
  t.equal(ofAnn(ingress('x', ['web-ann.example.org', 'web-bob.example.org'])).granted.length, 1, 'each by itself');
});

t.test('what leads elsewhere, or asks for more than a whole host, is refused', async (t) => {
  const host = 'web-ann.example.org';
  const withSpec = (spec: object): KubeObject => ({ ...ingress('x', [host]), spec });
  const rules = [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: backendOf('web') }] } }];
  t.match(refusal(withSpec({ rules, defaultBackend: backendOf('web') })), /every host/);
  const bucket = { resource: { apiGroup: 'k8s.example.com', kind: 'Bucket', name: 'b' } };
  t.match(refusal(withSpec({ rules: [{ host, http: { paths: [{ path: '/', backend: bucket }] } }] })), /no Service/);
  t.match(refusal(withSpec({ rules: [{ host }] })), /leads to nothing/);
  for (const [path, pathType] of [
    ['/admin', 'Prefix'],
    ['/', 'Exact'],
    ['/.*', 'ImplementationSpecific'],
  ] as const) {
    const paths = [{ path, pathType, backend: backendOf('web') }];
    t.match(refusal(withSpec({ rules: [{ host, http: { paths } }] })), /some paths/, `${path} ${pathType}`);
  }
  const both = [...rules, { host, http: { paths: [{ path: '/', backend: backendOf('other') }] } }];
  t.match(refusal(withSpec({ rules: both })), /several Services/);
  // A ReferenceGrant would let a route lead into the namespace that has it: here there is none.
  for (const ref of [
    { name: 'db', namespace: 'knot-bob', port: 80 },
    { name: 'b', kind: 'Bucket', group: 'x.io' },
    { name: 'web', group: 'multicluster.x-k8s.io', kind: 'ServiceImport', port: 80 },
    { port: 80 },
  ])
    t.match(refusal(httpRoute('x', [host], { backendRefs: [ref] })), /no Service of it/, JSON.stringify(ref));
  const backendRefs = [{ name: 'web', port: 80 }];
  const redirect = [{ type: 'RequestRedirect', requestRedirect: { hostname: 'evil.org' } }];
  t.match(refusal(httpRoute('x', [host], { filters: redirect, backendRefs })), /filters/);
  t.match(refusal(httpRoute('x', [host], { filters: redirect })), /leads to nothing/);
  t.match(refusal(httpRoute('x', [host], { matches: [{ method: 'GET' }], backendRefs })), /some paths or requests/);
  for (const spec of [null, 'x', [], { rules: 'x' }, { rules: [null, 1, { host: 5 }] }])
    t.equal(ofAnn({ ...ingress('x', []), spec }).granted.length, 0, JSON.stringify(spec));
});

t.test('of two that ask for one host the older has it; what ends asks for nothing', async (t) => {
  const host = ['web-ann.example.org'];
  const old = ingress('z', host, { to: 'old', at: '2026-01-01T00:00:00Z' });
  const young = ingress('a', host, { to: 'young', at: '2026-01-02T00:00:00Z' });
  for (const objects of [
    [old, young],
    [young, old],
  ])
    t.match(ofAnn(...objects), {
      granted: [{ backend: { service: 'old' } }],
      refused: [{ object: 'Ingress a', reason: 'Ingress z has this host already: it is older.' }],
    });
  const ending = { ...old, metadata: { ...old.metadata, deletionTimestamp: '2026-01-03T00:00:00Z' } };
  t.match(ofAnn(ending, young), { granted: [{ backend: { service: 'young' } }], refused: [] });
});

t.test('thousands of objects, and thousands of hosts in one, are bounded', async (t) => {
  const many = Array.from({ length: 5000 }, (_, at) => ingress(`i${at}`, [`n${at}-ann.example.org`]));
  const { granted, refused } = ofAnn(...many);
  t.equal(granted.length, mostAddresses);
  t.ok(refused.length <= 50, `${refused.length} refusals`);
  t.match(refused[0]?.reason, /at most 50/);
  const hosts = Array.from({ length: 5000 }, (_, at) => `n${at}-ann.example.org`);
  const entry = entryOf(ingress('wide', hosts));
  t.ok(JSON.stringify(entry).length < 20_000, 'of one object as little is kept');
  t.match(refusal(ingress('wide', hosts)), /more than 50 hosts/);
});

t.test('requests go to pods that the Service selects, and to nothing else', async (t) => {
  const among = (...objects: KubeObject[]): Targets => {
    const of = (kind: string) => objects.filter((object) => object.kind === kind);
    const services = of('Service').map(serviceOf);
    const pods = new Map(of('Pod').map((one) => [one.metadata.uid!, addressesOfPod(one)]));
    return {
      service: (name) => services.find((one) => one.name === name),
      endpoints: () => of('EndpointSlice').map(endpointsOf),
      addressesOf: (uid) => pods.get(uid),
    };
  };
  const web = { service: 'web', port: 80 };
  const good = [service('web'), slice('web', [{ ip: '10.1.0.5', pod: 'p' }]), pod('p', '10.1.0.5')];
  t.match(targetOf(web, among(...good)), { upstream: { hostname: '10.1.0.5', port: 8080, allowLoopback: false } });
  t.match(targetOf({ service: 'web', port: 9999 }, among(...good)), { waitsFor: /no port 9999/ });
  t.match(targetOf(web, among()), { waitsFor: /no Service "web"/ });
  t.match(targetOf(web, among(service('web'))), { waitsFor: /No pod/ });
  const elsewhere = service('web', { type: 'ExternalName', externalName: 'db.knot-bob.svc', selector: undefined });
  t.match(targetOf(web, among(elsewhere)), { refused: /another name/ });
  const byHand = service('web', { selector: null, clusterIP: 'None' });
  t.match(targetOf(web, among(byHand, ...good.slice(1))), { refused: /selects no pods/ });
  const nobody: [string, KubeObject[]][] = [
    [
      'a slice that somebody wrote',
      [slice('web', [{ ip: '10.1.0.5', pod: 'p' }], { writer: 'me' }), pod('p', '10.1.0.5')],
    ],
    ['an address that is not the pod’s', [slice('web', [{ ip: '10.9.9.9', pod: 'p' }]), pod('p', '10.1.0.5')]],
    ['a pod of another namespace', [slice('web', [{ ip: '10.1.0.5', pod: 'q' }]), pod('p', '10.1.0.5')]],
    [
      'a slice of another namespace',
      [slice('web', [{ ip: '10.1.0.5', pod: 'p' }], { namespace: 'knot-bob' }), pod('p', '10.1.0.5')],
    ],
    [
      'a pod in the network of its node',
      [slice('web', [{ ip: '192.168.7.1', pod: 'p' }]), pod('p', '192.168.7.1', { hostNetwork: true })],
    ],
    ['the address of a node', [slice('web', [{ ip: '192.168.7.1', pod: 'p' }]), pod('p', '192.168.7.1')]],
    ['this machine', [slice('web', [{ ip: '127.0.0.1', pod: 'p' }]), pod('p', '127.0.0.1')]],
    ['this machine, IPv6', [slice('web', [{ ip: '::1', pod: 'p' }]), pod('p', '::1')]],
    [
      'link-local, where clouds answer',
      [slice('web', [{ ip: '169.254.169.254', pod: 'p' }]), pod('p', '169.254.169.254')],
    ],
    ['no port', [slice('web', [{ ip: '10.1.0.5', pod: 'p' }], { port: 0 }), pod('p', '10.1.0.5')]],
  ];
  for (const [what, objects] of nobody)
    t.match(targetOf(web, among(service('web'), ...objects)), { waitsFor: /No pod/ }, what);
  const two = [
    slice('web', [
      { ip: '10.1.0.9', pod: 'q' },
      { ip: '10.1.0.5', pod: 'p' },
    ]),
    pod('p', '10.1.0.5'),
    pod('q', '10.1.0.9'),
  ];
  const first = targetOf(web, among(service('web'), ...two));
  t.match(first, { upstream: { hostname: '10.1.0.5' } });
  const before = { protocol: 'http:', hostname: '10.1.0.9', port: 8080, allowLoopback: false } as const;
  t.match(
    targetOf(web, among(service('web'), ...two), before),
    { upstream: { hostname: '10.1.0.9' } },
    'the one before, while it is ready',
  );
});
