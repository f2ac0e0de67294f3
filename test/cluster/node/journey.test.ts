import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Helm, openHelm } from '../../charts/helm.ts';
import { ingress } from '../../discovery/things.ts';
import { eventually } from '../../support/eventually.ts';
import { openPeople, password, type People } from '../../support/process/people.ts';
import type { Person } from '../../support/process/person.ts';
import { images } from './images.ts';
import { answering, execute, makeNamespace, object, pod } from './pods.ts';
import { openRegistry, pullPrivate } from './private-image.ts';
import { areNobody, haveFiles, keepNetworks, keepVolumes, type Place } from './probes.ts';
import { type RunningNode, startNode } from './start.ts';
import { useTerminals } from './terminals.ts';

/**
 * From a sign-up to a program in a pod and its files in the browser: a gateway with the rights that its chart gives it, on a cluster whose
 * pods are real. The gateway is a process in the network of the node.
 */

const image = { image: images.box };
/** Of the range of Services: an application is configured before there is one. */
const webAddress = '10.96.7.7';

const node = await startNode(t);
if ('skip' in node) t.test('people of a cluster', { skip: node.skip }, async () => undefined);
else {
  const registry = await openRegistry(t, node);
  const people = await openGateway(t, node, 'skip' in registry ? {} : registry.config);
  const joanna = people.stranger();
  await t.test('who is approved has a place in the cluster', (t) => isApproved(t, node, people, joanna));
  await t.test('what a pod writes is in the browser, and the other way round', (t) =>
    shareFiles(t, node, people, joanna),
  );
  await t.test('what a pod serves is at its address, for who is let in', (t) => serve(t, node, people, joanna));
  await t.test('kubectl of a person is in her pods by WebSocket; SPDY is refused before it is anywhere', (t) =>
    useTerminals(t, node, people, joanna),
  );
  await t.test(
    'a pod pulls the private image of its owner with no further word, and nobody else’s does',
    { skip: 'skip' in registry && registry.skip },
    async (t) => {
      if ('skip' in registry) return;
      await pullPrivate(t, node, people, registry.server, (owner, body) => asOwner(node, owner, body));
    },
  );
  await t.test('people beside one another', { jobs: 3 }, async (t) => {
    const place = await makeTeam(node, people);
    t.test('every container has the files of its owner and of nobody else', (t) => haveFiles(t, node, place));
    t.test('nobody comes to the volume of somebody else', (t) => keepVolumes(t, node, place));
    t.test('nobody reaches what is not theirs over the network', (t) => keepNetworks(t, node, place));
    t.test('a pod that says nothing is nobody in the cluster; one that asks is its owner there', (t) =>
      areNobody(t, node),
    );
    t.test('the isolation suite finds nothing open', (t) => verifyIsolation(t, node, people));
  });
  await t.test('whoever is disabled runs nothing, and has it all when they come back', (t) =>
    isDisabled(t, node, people),
  );
}

async function openGateway(t: Test, node: RunningNode, integrations: object): Promise<People> {
  const helm = (await openHelm(t)) as Helm;
  await makeNamespace(node, 'knot');
  const shown = ['rbac-gateway', 'rbac-user', 'bounds'].flatMap((name) => ['-s', `templates/${name}.yaml`]);
  const chart = join(import.meta.dirname, '../../../charts/knot');
  const rights = await helm(['template', 'knot', chart, '-n', 'knot', ...shown]);
  await node.kubectlWith({ input: rights }, 'apply', '--server-side', '-f', '-');
  const kubeconfig = join(node.folder, 'gateway.kubeconfig');
  const token = await node.serviceAccountToken('knot', 'knot-gateway');
  await writeFile(kubeconfig, withToken(readFileSync(node.kubeconfig, 'utf8'), token), { mode: 0o600 });
  return openPeople(t, {
    launch: node.launch,
    config: {
      listen: `127.0.0.1:${await node.inward()}`,
      engine: 'kubernetes',
      integrations: { jupyterhub: { mode: 'off' }, ...integrations },
      signUp: 'approval',
      kubernetes: { kubeconfig, admission: { listen: '127.0.0.1:9443', url: 'https://127.0.0.1:9443' } },
      apps: [{ name: 'web', title: 'Web', upstream: `http://${webAddress}:8080` }],
    },
  });
}

/** The same cluster, as somebody else. */
function withToken(kubeconfig: string, token: string): string {
  const config = JSON.parse(kubeconfig) as { users: { user: object }[] };
  config.users[0]!.user = { token };
  return JSON.stringify(config);
}

async function isApproved(t: Test, node: RunningNode, { ann }: People, joanna: Person) {
  await joanna.submit('/signup', { username: 'joanna', email: 'joanna@example.org', password });
  const placeOf = async (name: string) => (await node.request(`/api/v1/namespaces/knot-${name}`)).body;
  await eventually('a place for the administrator', async () => (await placeOf('ann')).metadata);
  t.equal((await placeOf('joanna')).code, 404, 'who waits has none');
  const { users } = (await ann.api('GET', '/users?state=pending')).json<{ users: { id: string }[] }>();
  t.equal((await ann.api('PATCH', `/users/${users[0]!.id}`, { state: 'active' })).status, 200);
  // Rights are the last that is made.
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/knot-joanna/rolebindings/knot-user';
  await eventually('a place with all that belongs to it', async () => (await node.request(path)).status === 200);
  await node.until('pvc/knot-private', 'jsonpath={.status.phase}=Bound', 'knot-joanna');
  t.match((await placeOf('joanna')).metadata.labels, { 'knot/owner': 'joanna', 'knot/owner-kind': 'user' });
  await joanna.signIn('joanna', password);
  t.equal((await joanna.api('GET', '/me')).status, 200);
}

async function shareFiles(t: Test, node: RunningNode, { gateway }: People, joanna: Person) {
  const files = (method: string, path: string, body?: string) =>
    joanna.request(method, `/api/v1/files/${path}`, {
      headers: { origin: gateway.origin, 'sec-fetch-site': 'same-origin' },
      ...(body !== undefined && { body }),
    });
  t.equal((await files('PUT', 'private/from-browser.txt', 'from the browser')).status, 201);
  const made = await asOwner(node, 'joanna', pod('knot-joanna', 'worker'));
  t.equal(made.status, 201);
  await node.until('pod/worker', 'condition=Ready', 'knot-joanna');
  t.equal(await execute(node, 'knot-joanna', 'worker', 'cat', '/files/private/from-browser.txt'), 'from the browser');
  await execute(node, 'knot-joanna', 'worker', 'sh', '-c', 'echo from a pod > $KNOT_PRIVATE_DIR/from-pod.txt');
  const read = await files('GET', 'private/from-pod.txt');
  t.equal(read.text, 'from a pod\n');
  t.equal((await asOwner(node, 'joanna', pod('knot-ann', 'worker'))).status, 403, 'nowhere else');
}

async function serve(t: Test, node: RunningNode, { gateway, ann, stranger }: People, joanna: Person) {
  const server = pod('knot-joanna', 'web', {
    containers: [
      {
        name: 'c',
        ...image,
        command: ['sh', '-c', 'echo served by $HOSTNAME > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'],
        ...answering(8080),
      },
    ],
  });
  const service = { selector: { name: 'web' }, ports: [{ port: 8080 }], clusterIP: webAddress };
  t.equal((await asOwner(node, 'joanna', server)).status, 201);
  t.equal((await asOwner(node, 'joanna', object('v1', 'Service', 'knot-joanna', 'web', service))).status, 201);
  await node.until('pod/web', 'condition=Ready', 'knot-joanna');
  const web = `https://web.localhost:${gateway.port}/`;
  await eventually('the page of the pod', async () => (await joanna.visit(web)).text === 'served by web\n');
  t.notMatch((await stranger().visit(web)).text, 'served by');

  // The same by an Ingress of her own, with nothing in the configuration: hers alone, and gone with it.
  const address = `https://mine-joanna.localhost:${gateway.port}/`;
  const mine = ingress('mine', ['mine-joanna.localhost'], { to: 'web', port: 8080, namespace: 'knot-joanna' });
  const ingresses = '/apis/networking.k8s.io/v1/namespaces/knot-joanna/ingresses';
  const token = await node.serviceAccountToken('knot-joanna', 'knot-user');
  t.equal((await node.request(ingresses, { method: 'POST', body: mine, token })).status, 201);
  // Until then there is no such host, and no certificate for it.
  const read = (person: Person) =>
    person.visit(address).then(
      ({ status, text }) => `${status} ${text}`,
      () => undefined,
    );
  t.equal(await eventually('the page at her own address', () => read(joanna)), '200 served by web\n');
  t.match(await read(ann), /^403 /, 'an administrator does not enter');
  t.notMatch(await read(stranger()), 'served by');
  t.equal((await node.request(`${ingresses}/mine`, { method: 'DELETE', token })).status, 200);
  // 404 on a connection that is open already.
  await eventually('no such host', async () => !(await read(joanna))?.startsWith('200 '));
}

/** Ann is in it, Joanna is not. */
async function makeTeam(node: RunningNode, { ann, gateway }: People): Promise<Place> {
  const { users } = (await ann.api('GET', '/users')).json<{ users: { id: string; username: string }[] }>();
  const me = users.find(({ username }) => username === 'ann')!.id;
  const { id } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  await ann.api('PUT', `/teams/${id}/members/${me}`, { role: 'member' });
  await eventually("a claim for the team's files", async () => {
    const path = '/api/v1/namespaces/knot-ann/persistentvolumeclaims/knot-team-physics';
    return node.request(path).then(({ body }) => body.status?.phase === 'Bound');
  });
  const folder = join(gateway.data, 'files');
  return { folder, privateOfAnn: `private/${me}`, team: `team/${id}`, gatewayPort: gateway.port };
}

async function isDisabled(t: Test, node: RunningNode, { ann }: People) {
  const { users } = (await ann.api('GET', '/users')).json<{ users: { id: string; username: string }[] }>();
  const { id } = users.find(({ username }) => username === 'joanna')!;
  t.equal((await ann.api('PATCH', `/users/${id}`, { state: 'disabled' })).status, 200);
  const podsLeft = async () => (await node.request('/api/v1/namespaces/knot-joanna/pods')).body.items.length;
  await eventually('the end of her pods', async () => (await podsLeft()) === 0);
  t.equal((await asOwner(node, 'joanna', pod('knot-joanna', 'again'))).status, 403);
  t.equal((await ann.api('PATCH', `/users/${id}`, { state: 'active' })).status, 200);
  await eventually(
    'a pod again',
    async () => (await asOwner(node, 'joanna', pod('knot-joanna', 'again'))).status === 201,
  );
  await node.until('pod/again', 'condition=Ready', 'knot-joanna');
  t.equal(await execute(node, 'knot-joanna', 'again', 'cat', '/files/private/from-pod.txt'), 'from a pod\n');
}

/** What an operator runs, as an administrator of the cluster. */
async function verifyIsolation(t: Test, node: RunningNode, { gateway }: People) {
  const words = ['verify', 'isolation', '--json', '--kubeconfig', node.kubeconfig];
  const { status, stdout, stderr } = await gateway.knot(words);
  t.equal(status, 0, stderr);
  const { report } = JSON.parse(stdout) as { report: { counts: { passed: number } } };
  t.ok(report.counts.passed > 150, `${report.counts.passed} probes`);
}

/** With the rights of a person in their namespace, as their own programs have them. */
async function asOwner(node: RunningNode, name: string, body: { kind: string; metadata: { namespace?: string } }) {
  const token = await node.serviceAccountToken(`knot-${name}`, 'knot-user');
  const path = `/api/v1/namespaces/${body.metadata.namespace}/${body.kind.toLowerCase()}s`;
  return node.request(path, { method: 'POST', body, token });
}
