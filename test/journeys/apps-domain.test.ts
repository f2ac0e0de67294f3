import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { type GatewayOptions, startGateway } from '../support/process/gateway.ts';
import { createPerson, type Person } from '../support/process/person.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';
import { mirrorTemplate } from './mirror-service.ts';

/** `appsDomain`, given to an installation that has services already: they move, and everything of them works at the other name. */

const password = 'correct-horse-staple-7';
const skip = servicesSkipReason();

type Headers = Record<string, string | undefined>;

/** The mirror, and the same as `dozing`, which sleeps as soon as nobody asks for it. */
function templates(t: Test): string {
  const folder = mirrorTemplate(t);
  const dozing = join(folder, 'dozing');
  cpSync(join(folder, 'mirror'), dozing, { recursive: true });
  writeFileSync(join(dozing, 'Chart.yaml'), 'apiVersion: v2\nname: dozing\nversion: 1.0.0\ndescription: A mirror.\n');
  writeFileSync(
    join(dozing, 'process.yaml'),
    `command: ['{node}', '{template}/mirror.mjs', '{socket}']\nlisten:\n  socket: true\nready: /\nstartSeconds: 20\nrest: { idleSeconds: 1 }\n`,
  );
  return folder;
}

async function open(t: Test, options: GatewayOptions) {
  const gateway = await startGateway(options);
  const people: Person[] = [];
  const end = async (): Promise<void> => {
    for (const each of people.splice(0)) await each.close();
    await gateway.stop();
  };
  t.teardown(end);
  const stranger = (): Person => {
    const fresh = createPerson(gateway);
    people.push(fresh);
    return fresh;
  };
  return { gateway, stranger, end };
}

function watched(socket: WebSocket) {
  const seen = { said: '', refused: 0 };
  socket.on('message', (data: Buffer) => (seen.said += data.toString()));
  socket.on('unexpected-response', (_request, response) => {
    seen.refused = response.statusCode ?? 0;
    response.resume();
    socket.terminate();
  });
  socket.on('error', () => undefined);
  return seen;
}

t.test('services move to a domain of their own', { skip }, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'knot-apps-domain-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  const config = {
    domain: 'knot.test',
    integrations: { jupyterhub: { mode: 'off' } },
    services: { templates: [templates(t)] },
  };

  const before = await open(t, { config, data });
  const first = before.stranger();
  await first.fill(await first.visit(before.gateway.setupLink!), {
    username: 'ann',
    email: 'ann@example.org',
    password,
  });
  const lab = await launch(first, { template: 'mirror', name: 'lab' });
  const nap = await launch(first, { template: 'dozing', name: 'nap' });
  t.equal(new URL(lab.url).hostname, 'lab-ann.knot.test');
  await becomes(first, lab.id, 'ready');
  await before.end();

  const { gateway, stranger } = await open(t, {
    config: { ...config, appsDomain: 'apps.test', apps: [{ name: 'tool-ann', upstream: 'http://127.0.0.1:9' }] },
    data,
  });
  const ann = stranger();
  await ann.signIn('ann', password);
  const { url } = await becomes(ann, lab.id, 'ready');
  const { hostname } = new URL(url);
  const old = url.replace('apps.test', 'knot.test');

  await t.test('a sign-in lands on the deep link at the other domain', async (t) => {
    t.equal(url, `https://lab-ann.apps.test:${gateway.port}/`);
    const fresh = stranger();
    const asked = await fresh.visit(`${url}deep/er?x=1`);
    t.equal(new URL(asked.url).origin, gateway.origin, 'the sign-in stays where Knot is');
    const there = await fresh.fill(asked, { username: 'ann', password });
    t.equal(there.url, `${url}deep/er?x=1`);
    t.match(there.json<Headers>(), { 'x-knot-user': 'ann', host: new URL(url).host });
    t.ok(fresh.cookies(hostname).has('__Host-knot'));
    t.not(fresh.cookies(hostname).get('__Host-knot'), fresh.cookies('knot.test').get('__Host-knot'));
  });

  await t.test('a WebSocket is of its own origin, and of no other of this installation', async (t) => {
    await ann.visit(url);
    const own = watched(ann.socket(url));
    await eventually('it is open', () => own.said === 'hi');
    for (const origin of [gateway.origin, old.slice(0, -1), `https://apps.test:${gateway.port}`]) {
      const foreign = watched(ann.socket(url, { headers: { origin } }));
      await eventually(`${origin} is refused`, () => foreign.refused === 403);
    }
    const post = { headers: { origin: gateway.origin } };
    t.equal((await ann.request('POST', url, post)).status, 403, 'nor does a form of the main host reach it');
  });

  await t.test('the old address tells where services are, whether there was one or not', async (t) => {
    const asked = await ann.visit(`${old}deep?x=1&y=2`);
    t.equal(asked.status, 404);
    t.match(asked.text, /below apps\.test/);
    t.match(asked.text, `href="${url}deep?x=1&amp;y=2"`);
    const never = await ann.visit(old.replace('lab-ann', 'lab-bob'));
    const shorn = (text: string) => text.replaceAll(/href="[^"]*"/g, '');
    t.equal(never.status, 404);
    t.equal(shorn(never.text), shorn(asked.text), 'nobody learns which services there are');
    const program = await ann.request('POST', old, { headers: { authorization: 'Bearer of-ann' } });
    t.match(program.json(), { statusCode: 404, code: 'KNOT_PROXY_UNKNOWN_HOST', remedy: /apps\.test/ });
    t.equal(program.headers['location'], undefined, 'no program is sent there with its token');
    const elsewhere = await ann.visit(url.replace('lab-ann', 'lab-bob'));
    t.equal(elsewhere.status, 404);
    t.notMatch(elsewhere.text, /apps\.test/, 'who is there already is not sent round in circles');
  });

  await t.test('a guest comes by a link', async (t) => {
    const made = await ann.api('POST', `/services/${lab.id}/shares`, { with: 'guest', right: 'view', days: 1 });
    const link = made.json<{ url: string }>().url;
    t.equal(new URL(link).origin, gateway.origin);
    const guest = stranger();
    const arrived = await guest.visit(link);
    t.equal(arrived.url, url, arrived.text);
    t.match(arrived.json<Headers>(), { 'x-knot-user': 'guest' });
    t.ok(guest.cookies(hostname).has('__Host-knot-visit'));
  });

  await t.test('what sleeps there is woken by a visit', async (t) => {
    await becomes(ann, nap.id, 'sleeping');
    const address = url.replace('lab-ann', 'nap-ann');
    const page = await ann.visit(`${address}deep?x=1`);
    t.equal(page.status, 503);
    t.match(page.text, /nap is waking up/);
    const there = await eventually('it is awake', async () => {
      const answer = await ann.visit(`${address}deep?x=1`);
      return answer.status === 200 && answer;
    });
    t.equal(there.url, `${address}deep?x=1`);
  });

  await t.test('a name is taken whatever domain it is below', async (t) => {
    for (const name of ['lab', 'tool']) {
      const asked = { template: 'mirror', name, values: {}, dryRun: true };
      t.match((await ann.api('POST', '/services', asked)).json(), { obstacles: [{ field: 'name' }] }, name);
    }
  });

  await t.test('a service that is removed leaves nothing at its host', async (t) => {
    t.equal((await ann.api('DELETE', `/services/${lab.id}`)).status, 202);
    await eventually('it is gone', async () => (await ann.visit(url)).status === 404);
  });
});
