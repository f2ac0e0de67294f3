import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { OwnerPlanPage } from '../../gateway/api/contract.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { runKnot, startGateway } from '../support/process/gateway.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';
import { processesWith } from '../support/process/processes-with.ts';
import { becomes, launch, servicesSkipReason } from '../support/process/services.ts';

/** Services on a whole gateway: launched from a template, reached at their own host by whom they are for, and nobody else. */

type Shown = { id: string; state: string; url: string; cause?: { what: string; lines?: string[] } };

/** A template whose program tells what three hosts answer. */
function writeCaller(folder: string): void {
  mkdirSync(folder);
  const files = {
    'Chart.yaml': 'apiVersion: v2\nname: caller\nversion: 1.0.0\ndescription: Calls hosts.\n',
    'values.yaml': '{}\n',
    'process.yaml': `command: ['{node}', '{template}/call.mjs', '{socket}']\nlisten: { socket: true }\nnetwork: { hosts: [mine.invalid] }\n`,
    'call.mjs': `import { createServer } from 'node:http';
const call = async (host) => host + ' ' + (await fetch('http://' + host + '/')).status;
const hosts = ['mine.invalid', 'everywhere.invalid', 'other.invalid'];
createServer(async (_request, response) => response.end((await Promise.all(hosts.map(call))).join(', '))).listen(process.argv[2]);
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

t.test('a web page is launched, opened, stopped, started and removed', { skip: servicesSkipReason() }, async (t) => {
  const templates = mkdtempSync(join(tmpdir(), 'knot-templates-'));
  t.teardown(() => rmSync(templates, { recursive: true, force: true }));
  writeCaller(join(templates, 'caller'));
  const config = {
    // The same after a restart: people come back to where they were.
    listen: `127.0.0.1:${await freePort()}`,
    integrations: { jupyterhub: { mode: 'off' } },
    apps: [{ name: 'wiki-joanna', upstream: 'http://127.0.0.1:9' }],
    plans: [{ name: 'crew', defaultFor: ['teams'], services: 1, idleSeconds: 1 }],
    services: { templates: [templates], network: { hosts: ['everywhere.invalid'] } },
  };
  const { gateway, ann, person } = await openPeople(t, { config, others: ['joanna', 'bob'] });
  const joanna = await person('joanna');

  const headers = { origin: gateway.origin, 'sec-fetch-site': 'same-origin' };
  await joanna.api('POST', '/files/private/public?op=mkdir', {});
  await joanna.request('PUT', '/api/v1/files/private/public/index.html', { headers, body: '<h1>Mine</h1>' });

  const wanted = { template: 'web', name: 'site', values: { folder: '/files/private/public' } };
  t.match((await joanna.api('POST', '/services', { ...wanted, dryRun: true })).json(), { obstacles: [] });
  t.match((await joanna.api('POST', '/services', { ...wanted, values: { folder: '/etc' } })).json(), {
    code: 'KNOT_SERVICES_REFUSED',
    details: { problems: [{ field: 'values/folder' }] },
  });
  const { id, url } = await launch(joanna, wanted);
  t.match(url, /^https:\/\/site-joanna\.localhost:/);
  t.match((await joanna.api('POST', '/services', { ...wanted, dryRun: true })).json(), {
    obstacles: [{ field: 'name', message: /taken/ }],
  });
  t.match(
    (await joanna.api('POST', '/services', { ...wanted, name: 'wiki', dryRun: true })).json(),
    { obstacles: [{ field: 'name', message: /taken/ }] },
    'by an application',
  );

  const shown = async (who = joanna): Promise<Shown> => (await who.api('GET', `/services/${id}`)).json<Shown>();
  const is = (state: string) => becomes(joanna, id, state);
  await is('ready');
  t.match(await joanna.visit(url), { status: 200, text: '<h1>Mine</h1>' });
  t.match((await joanna.api('GET', `/services/${id}/events`)).json(), {
    events: [{ state: 'ready' }, { state: 'starting' }, { state: 'requested', actor: 'joanna' }],
  });

  // Somebody else, an admin too, does not enter; an admin sees that it is there and may stop it.
  const bob = await person('bob');
  t.equal((await bob.visit(url)).status, 403);
  t.equal((await bob.api('GET', `/services/${id}`)).status, 404);
  t.equal((await bob.api('POST', `/services/${id}/stop`, {})).status, 404);
  t.equal((await ann.visit(url)).status, 403);
  t.match(await shown(ann), { state: 'ready', canOpen: false, canManage: false, canStop: true, canRemove: true });
  t.notOk('values' in (await shown(ann)));
  // Everybody's: whatever the policies let one see.
  const all = async (who: Person) => (await who.api('GET', '/services?owner=*')).json<{ services: Shown[] }>().services;
  t.match(await all(ann), [{ id, canOpen: false, canStop: true }]);
  t.strictSame(await all(bob), []);
  t.match((await ann.api('GET', '/services')).json(), { services: [] }, 'an admin is asked before others are shown');
  t.equal((await ann.api('GET', `/services/${id}/logs`)).status, 403);
  t.equal((await ann.api('POST', `/services/${id}/start`, {})).status, 403);

  t.equal((await joanna.api('POST', `/services/${id}/stop`, {})).status, 202);
  await is('stopped');
  // The record says so a moment before the page in its place does.
  await eventually('the page says so too', async () => {
    const away = await joanna.visit(url);
    t.ok(away.status >= 500, 'no page that looks like a success');
    t.notMatch(away.text, /http\.sock/);
    return /site is switched off[^]*It is not running\.[^]*can start it/.test(away.text);
  });
  t.equal((await joanna.api('POST', `/services/${id}/start`, {})).status, 202);
  await is('ready');

  // Other values, and the program starts anew with them.
  const changed = await joanna.api('PATCH', `/services/${id}`, { values: { folder: '/files/shared', listing: false } });
  t.equal(changed.status, 200, changed.text);
  await eventually('the shared folder is what it shows', async () => (await joanna.visit(url)).status === 404);

  // Who is disabled runs nothing.
  await gateway.knot(['user', 'disable', 'joanna']);
  await eventually('it ends with the right', async () => (await shown(ann)).state === 'stopped');
  await gateway.knot(['user', 'enable', 'joanna']);
  await eventually('and comes back with it', async () => (await shown(ann)).state === 'ready');

  // What belongs to a team ends with it.
  const { id: team } = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>();
  const { user } = (await ann.api('GET', '/me')).json<{ user: { id: string } }>();
  await ann.api('PUT', `/teams/${team}/members/${user.id}`, { role: 'manager' });
  const ofTeam = { template: 'web', name: 'team', owner: 'physics', values: { folder: '/files/shared' } };
  const service = await launch(ann, ofTeam);
  const extend = (body: object) => ann.api('POST', `/services/${service.id}/extend`, body);
  await extend({ hours: 1 });
  const ofTeams = () => ann.api('GET', `/services/${service.id}`);
  await becomes(ann, service.id, 'ready');
  const { owners } = (await ann.api('GET', '/plans/owners?q=physics')).json<OwnerPlanPage>();
  t.match(owners, [{ name: 'physics', held: { services: 1, cpu: Number, memory: Number } }], 'admins see what runs');
  t.match((await ann.api('POST', '/services', { ...ofTeam, name: 'more', dryRun: true })).json(), {
    obstacles: [{ message: /The plan allows 1 at once/ }],
  });
  const restOf = async () => (await ofTeams()).json<{ rest: { idleSeconds: number; lastUsedAt: number } }>().rest;
  const before = await restOf();
  t.equal(before.idleSeconds, 1);
  await ann.visit(service.url);
  t.ok((await restOf()).lastUsedAt > before.lastUsedAt, 'a visit is a use of it');
  await extend({ until: null });
  await becomes(ann, service.id, 'sleeping');
  await ann.visit(service.url);
  t.match((await ann.api('GET', `/services/${service.id}/events`)).json(), {
    events: [{ state: /waking|ready/ }],
  });
  // Nobody is in it any more: the team alone tells.
  t.equal((await ann.api('DELETE', `/teams/${team}/members/${user.id}`)).status, 200);
  t.equal((await ann.api('DELETE', `/teams/${team}`)).status, 204);
  await eventually('it goes with the team', async () => (await ofTeams()).status === 404);

  // The way out: what the template or knot.yaml names is tried (and nobody is there), everything else refused.
  const { url: callerUrl } = await launch(ann, { template: 'caller', name: 'caller' });
  await eventually('the caller answers', async () => (await ann.visit(callerUrl)).status === 200);
  t.equal((await ann.visit(callerUrl)).text, 'mine.invalid 502, everywhere.invalid 502, other.invalid 403');

  // The same from a terminal, with a personal token.
  const scopes = ['services:write', 'account:read'];
  const { secret } = (await ann.api('POST', '/tokens', { name: 'script', scopes })).json<{ secret: string }>();
  const environment = { KNOT_URL: gateway.origin, KNOT_CA_FILE: gateway.caFile, KNOT_TOKEN: secret };
  const knot = (...words: string[]) => runKnot(['service', ...words], undefined, environment);
  t.match(await knot('launch', 'web', 'mine', '--set', 'folder=/etc', '--check'), {
    status: 1,
    stderr: /values\/folder/,
  });
  // For programs a look says what it found, and the status whether it would start.
  for (const [folder, found] of [
    ['/etc', { wouldStart: false, obstacles: [{ field: 'values/folder' }] }],
    ['/files/private', { wouldStart: true, obstacles: [] }],
  ] as const) {
    const looked = await knot('launch', 'web', 'mine', '--set', `folder=${folder}`, '--check', '--json');
    t.match(JSON.parse(looked.stdout), found);
    t.equal(looked.status, found.wouldStart ? 0 : 1);
  }
  t.match(await knot('launch', 'web', 'mine', '--set', 'folder=/files/private', '--wait'), {
    status: 0,
    stdout: /starting[^]*ready https:\/\/mine-ann\.localhost/,
  });
  t.match(await knot('list'), { status: 0, stdout: /ann\/mine +Web page +ready/ });
  t.match(await knot('show', 'mine'), { status: 0, stdout: /requested by ann[^]*ready by system/ });
  t.match(await knot('logs', 'mine'), { status: 0 });
  t.match(await knot('stop', 'nothing'), { status: 1, stderr: /no service "nothing"/ });
  t.match(await knot('launch', 'web', 'other', '--set', 'folder=/files/private/none', '--wait'), {
    status: 1,
    stderr: /did not find a file or folder/,
  });
  // On the machine of the gateway as somebody, without a token: by one of theirs that ends with the command.
  const here = (username: string, ...words: string[]) => gateway.knot(['service', ...words, '--as', username]);
  const parsed = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as unknown;
  t.match(await here('ann', 'list'), { status: 0, stdout: /ann\/mine +Web page +ready/ });
  t.match(await here('joanna', 'stop', 'mine'), { status: 1, stderr: /no service "mine"/ });
  t.match(parsed(await here('ann', 'stop', 'mine', '--json')), { name: 'mine', wish: 'stopped' });
  const begun = await here('ann', 'start', 'mine', '--wait', '--json');
  t.match(begun, { status: 0, stderr: /starting[^]*ready https:/ });
  t.match(parsed(begun), { name: 'mine', state: 'ready' });
  const line = (await here('ann', 'logs', 'mine', '--lines', '1', '--json')).stdout;
  t.match(JSON.parse(line), { from: 'knot', text: 'It answers.' });
  t.match(await here('nobody', 'list'), { status: 1, stderr: /no user "nobody"/ });
  t.match(await gateway.knot(['service', 'list']), { status: 2, stderr: /--as is missing/ });
  const end = new AbortController();
  const followed = runKnot(
    ['service', 'logs', 'mine', '--follow', '--as', 'ann', '--data', gateway.data],
    undefined,
    {},
    { signal: end.signal, endWith: 'SIGTERM', onOutput: () => end.abort() },
  );
  t.match(await followed, { status: 1, stderr: /interrupted/ });
  t.strictSame(
    (await ann.api('GET', '/tokens')).json<{ tokens: { name: string }[] }>().tokens.map(({ name }) => name),
    ['script'],
    'no token stays behind',
  );

  for (const name of ['other', 'caller']) t.match(await knot('remove', name), { status: 0 });
  await eventually('one is left', async () => /^NAME[^\n]*\n[^\n]*mine[^\n]*\n$/.test((await knot('list')).stdout));

  t.equal((await ann.api('DELETE', `/services/${id}`)).status, 202);
  await eventually('nothing is left of it', async () => (await ann.api('GET', `/services/${id}`)).status === 404);
  const [mine] = (await ann.api('GET', '/services')).json<{ services: Shown[] }>().services;
  const left = (folder: string) => readdirSync(join(gateway.data, 'services', folder));
  const short = mine!.id.replaceAll('-', '').slice(0, 20);
  t.strictSame(left('run'), [short]);
  t.strictSame(left('out'), [`${short}.sock`]);
  t.notOk(existsSync(join(gateway.data, 'services/home', id)));
  const statusOf = (address: string) =>
    joanna.visit(address).then(
      ({ status }) => status,
      () => 'no certificate',
    );
  t.ok([404, 'no certificate'].includes(await statusOf(url)), 'its address is nobody’s');
  const audit = (await ann.api('GET', '/audit?limit=100')).text;
  for (const action of ['launched', 'stopped', 'started', 'changed', 'removed']) t.match(audit, `service.${action}`);

  // With the gateway ends what it runs, in order: what is killed says nothing any more.
  t.equal(await gateway.signal('SIGTERM'), 0);
  t.match(await here('ann', 'list'), { status: 1, stderr: /KNOT_CLI_NOT_RUNNING/ });
  const said = left(`output/${mine!.id}`).map((name) =>
    readFileSync(join(gateway.data, 'services/output', mine!.id, name), 'utf8'),
  );
  t.match(said.join(''), /Stopped\.[^\n]*\n$/);
  t.strictSame(processesWith(short), []);

  // The next one makes what was wanted, and ends what a killed one left; nobody signs in anew.
  const begin = async () => {
    const next = await startGateway({ config, data: gateway.data });
    t.teardown(() => next.stop());
    return next;
  };
  const states = async () => {
    const { services } = (await ann.api('GET', '/services')).json<{ services: (Shown & { name: string })[] }>();
    return Object.fromEntries(services.map(({ name, state }) => [name, state]));
  };
  const become = (wanted: Record<string, string>) =>
    eventually(`they are ${JSON.stringify(wanted)}`, async () => isDeepStrictEqual(await states(), wanted));
  const second = await begin();
  await become({ mine: 'ready' });
  t.equal((await ann.visit(mine!.url)).status, 200);
  const running = processesWith(short).length;
  t.ok(running > 0);
  const late = { template: 'web', values: { folder: '/files/private' } };
  const off = await launch(ann, { ...late, name: 'off' });
  await ann.api('POST', `/services/${off.id}/stop`, {});
  await become({ mine: 'ready', off: 'stopped' });
  // Killed while another one begins.
  await launch(ann, { ...late, name: 'late' });
  await second.signal('SIGKILL');
  await begin();
  await become({ mine: 'ready', off: 'stopped', late: 'ready' });
  t.equal((await ann.visit(mine!.url)).status, 200);
  t.equal(processesWith(short).length, running, 'of what was killed nothing is left');
  const { lines } = (await ann.api('GET', `/services/${mine!.id}/logs`)).json<{ lines: { text: string }[] }>();
  t.ok(lines.filter(({ text }) => text === 'It answers.').length >= 3, 'what it said before is there');
});
