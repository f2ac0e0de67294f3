import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { makeAuthority, makeLeaf, newKey } from '../../gateway/tls/index.ts';
import { asGateway } from '../charts/as-gateway.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { web } from '../services/kubernetes/house.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { startEcho } from '../support/net/echo.ts';
import { type Backend, startBalancer } from '../support/process/balancer.ts';
import { type RunningGateway, startGateway } from '../support/process/gateway.ts';
import { password } from '../support/process/people.ts';
import { createPerson, type Person } from '../support/process/person.ts';
import { type Postgres, startPostgres } from '../support/process/postgres.ts';
import { becomes, launch, type RunningService } from '../support/process/services.ts';

/** Two gateways on one cluster and one PostgreSQL behind one address, as the chart installs them: what one can do, and lose, together. */

const postgres = await startPostgres();
const cluster = 'skip' in postgres ? postgres : await startControlPlane(t);
if ('skip' in cluster || 'skip' in postgres) {
  t.test('replicas on a cluster', { skip: 'skip' in cluster ? cluster.skip : '' }, async () => undefined);
  if (!('skip' in postgres)) await postgres.stop();
} else behaves(cluster, postgres);

function behaves(cluster: ControlPlane, postgres: Postgres): void {
  t.test('replicas on a cluster', async (t) => {
    t.teardown(postgres.stop);
    const house = await openHouse(t, cluster, postgres);
    const first = await house.replica();
    await house.behind(first);
    const ann = house.person();
    await ann.fill(await ann.visit(first.setupLink!), { username: 'ann', email: 'ann@example.org', password });
    await first.line(/this process leads/);
    await house.approved(ann, 'joanna');
    await house.approved(ann, 'bob');
    const second = await house.replica();
    await house.behind(first, second);
    await t.test('what is wanted through the one that does not lead, the one that does makes so', (t) =>
      servicesThroughTheOther(t, house, { leader: first, other: second }),
    );
    await t.test('who is disabled through one is cut off at the other', (t) =>
      cutOffAcross(t, house, { here: first, there: second }),
    );
    await t.test('a rolling update under load loses nothing, and WebSockets are told to come back', (t) =>
      rolls(t, house, { leaving: first, staying: second }),
    );
    await t.test('the writer dies, and another goes on with its work', (t) =>
      writerDies(t, house, [second, house.latest()]),
    );
  });
}

async function servicesThroughTheOther(
  t: Test,
  house: House,
  { leader, other }: { leader: RunningGateway; other: RunningGateway },
): Promise<void> {
  const joanna = await house.signedIn('joanna', other);
  const { id, url } = await launch(joanna, { template: 'dozing', name: 'site' });
  const is = (state: string) => becomes(joanna, id, state);
  await is('ready');
  const { body: deployment } = await house.cluster.request('/apis/apps/v1/namespaces/knot-joanna/deployments/site');
  t.match(deployment, { metadata: { labels: { 'knot/service': id } }, status: { readyReplicas: 1 } });
  await is('sleeping');
  await joanna.visit(url);
  await is('ready');
  const changed = await joanna.api('PATCH', `/services/${id}`, { values: { say: 'more' } });
  t.equal(changed.status, 200, changed.text);
  await is('ready');
  t.equal((await joanna.api('POST', `/services/${id}/stop`, {})).status, 202);
  await is('stopped');
  t.equal((await joanna.api('POST', `/services/${id}/start`, {})).status, 202);
  await is('ready');
  t.match(leader.output(), /this process leads"/);
  t.notMatch(other.output(), /this process leads"/);
  const toldOf = async ({ ops }: RunningGateway) => {
    const { components } = (await (await fetch(`${ops}/healthz`)).json()) as {
      components: { name: string; message: string }[];
    };
    return components.find(({ name }) => name === 'leader')?.message;
  };
  t.match([await toldOf(leader), await toldOf(other)], [/^This gateway does/, /^Another gateway does/]);
}

async function cutOffAcross(
  t: Test,
  house: House,
  { here, there }: { here: RunningGateway; there: RunningGateway },
): Promise<void> {
  const bob = await house.signedIn('bob', there);
  const app = house.app;
  await bob.visit(`https://${app}/`);
  const socket = bob.socket(`wss://${app}/socket`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const ann = await house.signedIn('ann', here);
  const { users } = (await ann.api('GET', '/users')).json<{ users: { id: string; username: string }[] }>();
  const { id } = users.find(({ username }) => username === 'bob')!;
  const startedAt = performance.now();
  t.equal((await ann.api('PATCH', `/users/${id}`, { state: 'disabled' })).status, 200);
  await closed;
  const took = Math.round(performance.now() - startedAt);
  // Not a measurement: without being told, it would go on until what is cached is looked at again after a minute.
  t.ok(took < 20_000, `disabled here, cut there after ${took} ms`);
  t.equal((await bob.api('GET', '/me')).status, 401);
}

async function rolls(
  t: Test,
  house: House,
  { leaving, staying }: { leaving: RunningGateway; staying: RunningGateway },
): Promise<void> {
  // Somebody has a WebSocket at the one that goes.
  const joanna = await house.signedIn('joanna', leaving);
  await joanna.visit(`https://${house.app}/`);
  const socket = joanna.socket(`wss://${house.app}/socket`);
  await once(socket, 'open');
  const closed = once(socket, 'close') as Promise<[number]>;
  house.balancer.only();

  const added = await house.replica();
  const ann = await house.signedIn('ann');
  await ann.visit(`https://${house.app}/`);
  const load = startLoad({
    forwarded: () => ann.request('GET', `https://${house.app}/`),
    read: () => ann.api('GET', '/users'),
    write: (n) => ann.api('POST', '/teams', { name: `crew${n}`, title: `Crew ${n}` }),
  });
  await house.behind(leaving, staying, added);
  t.equal(await leaving.signal('SIGTERM'), 0);
  await house.behind(staying, added);
  const [code] = await closed;
  t.equal(code, 1012, 'come back, there is another one');
  await load.more(20);
  const { answers, wrong } = await load.stop();
  t.strictSame(wrong, [], `${answers} answers`);
  // There may be more than one page of them.
  const { total } = (await ann.api('GET', '/teams')).json<{ total: number }>();
  t.equal(total, load.written(), 'nothing that was acknowledged is lost');
  const again = joanna.socket(`wss://${house.app}/socket`);
  await once(again, 'open');
  again.close();
}

async function writerDies(t: Test, house: House, replicas: RunningGateway[]): Promise<void> {
  const leader = await eventually('one of them leads', async () => replicas.find(leads));
  const other = replicas.find((one) => one !== leader)!;
  t.notOk(leads(other), 'and nobody else does');
  await leader.signal('SIGKILL');
  await house.behind(other);
  const ann = await house.signedIn('ann', other);
  const joanna = await house.signedIn('joanna', other);
  const { services } = (await joanna.api('GET', '/services')).json<{ services: RunningService[] }>();
  const { id } = services[0]!;
  t.equal((await joanna.api('POST', `/services/${id}/stop`, {})).status, 202);
  await house.approved(ann, 'cleo');
  t.ok(leads(other), 'it leads now');
  await becomes(joanna, id, 'stopped');
}

const leads = (gateway: RunningGateway): boolean =>
  gateway.output().lastIndexOf('this process leads"') > gateway.output().lastIndexOf('this process leads no more');

/** Asks again and again, one of each kind at a time, until it is stopped. */
function startLoad(kinds: Record<string, (n: number) => Promise<{ status: number; text: string }>>) {
  const wrong: string[] = [];
  let answers = 0;
  let written = 0;
  let isOver = false;
  const work = Object.entries(kinds).map(async ([name, ask]) => {
    for (let n = 0; !isOver; n++) {
      const { status, text } = await ask(n).catch((error: unknown) => ({ status: 0, text: String(error) }));
      answers += 1;
      if (status === 201) written += 1;
      if (status !== 200 && status !== 201) wrong.push(`${name}: ${status} ${text.slice(0, 200)}`);
      await delay(20);
    }
  });
  return {
    written: () => written,
    async more(count: number) {
      const enough = answers + count;
      await eventually('more answers', async () => answers >= enough);
    },
    async stop() {
      isOver = true;
      await Promise.all(work);
      return { answers, wrong };
    },
  };
}

type House = Awaited<ReturnType<typeof openHouse>>;

/** What all replicas share: an address, its certificate, files, the database, the cluster. */
async function openHouse(t: Test, cluster: ControlPlane, postgres: Postgres) {
  const folder = mkdtempSync(join(tmpdir(), 'knot-replicas-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const authority = await makeAuthority({ domain: 'localhost' }, Date.now());
  // A star below a top-level name counts for nothing with OpenSSL.
  const names = ['localhost', '*.localhost', 'echo.localhost', 'site-joanna.localhost'].map((value) => ({
    type: 'dns' as const,
    value,
  }));
  const leaf = await makeLeaf(authority, newKey(), names, Date.now());
  const caFile = write('ca.pem', authority.cert);
  const tls = { cert: write('tls.crt', leaf.cert), key: write('tls.key', leaf.key) };
  // A web server that sleeps as soon as nobody asks for it.
  const chart = {
    'Chart.yaml': 'apiVersion: v2\nname: dozing\nversion: 1.0.0\ndescription: A web server.\n',
    'values.yaml': "say: ''\n",
    'process.yaml':
      "command: ['{node}', '{template}/none.mjs', '{socket}']\nlisten:\n  socket: true\nready: /\nrest: { idleSeconds: 1 }\n",
    ...web(),
  };
  for (const [name, text] of Object.entries(chart)) write(join('templates/dozing', name), text);
  const { kubeconfig } = await asGateway(cluster);
  const echo = await startEcho();
  t.teardown(() => echo.close());
  const database = await postgres.createDatabase();
  const balancer = await startBalancer(t);
  const listens = new Map<Backend, number>();
  const admission = await startBalancer(t, { portOf: (one) => listens.get(one)! });
  let latest: RunningGateway | undefined;

  const house = {
    cluster,
    balancer,
    /** Host and port of an application that everybody may open. */
    app: `echo.localhost:${balancer.port}`,
    latest: () => latest!,
    async replica(): Promise<RunningGateway> {
      const [port, ofAdmission] = [await freePort(), await freePort()];
      const started = await startGateway({
        config: {
          listen: `127.0.0.1:${port}`,
          engine: 'kubernetes',
          publicPort: balancer.port,
          tls,
          files: { folder: join(folder, 'files') },
          limits: { drainDelayMs: 600, drainMs: 3000 },
          services: { templates: [join(folder, 'templates')] },
          integrations: { jupyterhub: { mode: 'off' } },
          apps: [{ name: 'echo', upstream: echo.address }],
          kubernetes: {
            kubeconfig,
            helm: cluster.programs.helm[0],
            admission: { listen: `127.0.0.1:${ofAdmission}`, url: `https://127.0.0.1:${admission.port}` },
          },
        },
        environment: { KNOT_DATABASE: database },
      });
      // What it tells of itself is the one address.
      const gateway = { ...started, port };
      latest = gateway;
      listens.set(gateway, ofAdmission);
      t.teardown(() => gateway.stop());
      return gateway;
    },
    async behind(...gateways: RunningGateway[]) {
      await Promise.all([balancer.behind(...gateways), admission.behind(...gateways)]);
    },
    /** Somebody at the one address. */
    person(): Person {
      const origin = `https://localhost:${balancer.port}`;
      const fresh = createPerson({ origin, caFile });
      t.teardown(() => fresh.close());
      return fresh;
    },
    /** Somebody whose connections all go to one replica, as long as nobody else is asked for. */
    async signedIn(username: string, gateway?: RunningGateway): Promise<Person> {
      balancer.only(gateway);
      const fresh = house.person();
      await fresh.signIn(username, password);
      return fresh;
    },
    /** Signs up, is let in, and gets a place. */
    async approved(ann: Person, username: string): Promise<void> {
      const fresh = house.person();
      await fresh.submit('/signup', { username, email: `${username}@example.org`, password });
      const { users } = (await ann.api('GET', '/users?state=pending')).json<{ users: { id: string }[] }>();
      const { status, text } = await ann.api('PATCH', `/users/${users[0]!.id}`, { state: 'active' });
      if (status !== 200) throw new Error(text);
      const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/knot-${username}/rolebindings/knot-user`;
      await eventually(`a place for ${username}`, async () => (await cluster.request(path)).status === 200);
    },
  };
  return house;
}
