/** Grafana behind a whole gateway, on the contract server (`test/contracts/grafana`) with the configuration that Knot prints for it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startGrafana } from '../contracts/grafana/grafana.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';

const grafana = await startGrafana();
t.teardown(grafana.stop);
// The last of those that know no authority but the system's for keys.
grafana.version = '12.1.4';
const passwordFile = join(t.testdir({}), 'password');
writeFileSync(passwordFile, grafana.adminPassword);
const port = await freePort();
const { gateway, ann, person, atEnd } = await openPeople(t, {
  others: ['bob', 'joanna'],
  config: {
    listen: `127.0.0.1:${port}`,
    integrations: {
      jupyterhub: { mode: 'off' },
      grafana: { upstream: grafana.origin, admin: { password: { fromFile: passwordFile } } },
    },
  },
});
const origin = `https://grafana.localhost:${port}`;
const check = () => gateway.knot(['integrations', 'check', 'grafana']);
const lastTo = (path: string) => grafana.requests.findLast((one) => one.path === path);
const folderOf = (title: string) => [...grafana.state.folders.values()].find((folder) => folder.title === title);
const userOf = (login: string) => grafana.state.users.find((user) => user.login === login);

t.test('one that is too old lets nobody in: its tile and the check say which, why, and what to do', async (t) => {
  grafana.configure((await gateway.knot(['integrations', 'show', 'grafana'])).stdout);
  const bob = await person('bob');
  t.equal((await bob.visit(`${origin}/api/user`)).status, 401);
  const words =
    /It is Grafana 12\.1\.4, and Knot was made for 12\.2 and later\. It does not know auth\.jwt\.tls_client_ca/;
  type Tile = { name: string; status: { status: string; message: string; remedy?: string } };
  const tile = await eventually('its tile says so', async () => {
    const { tiles } = (await bob.api('GET', '/tiles')).json<{ tiles: Tile[] }>();
    return tiles.find(({ name, status }) => name === 'grafana' && words.test(status.message));
  });
  t.match(tile.status, { status: 'ready', remedy: 'An administrator upgrades Grafana to 12.2 or later.' });
  const { status, stdout, stderr } = await check();
  t.equal(status, 1);
  t.match(stdout, new RegExp(`WRONG +version: ${words.source}`));
  t.match(stderr, 'upgrades Grafana to 12.2');
  grafana.version = '13.0.1';
  grafana.configure('');
});

t.test('what an operator pastes makes it right, and the check says so', async (t) => {
  const before = await check();
  t.equal(before.status, 1, before.stdout);
  t.match(before.stdout, /WRONG +settings: .*auth\.disable_login_form/);
  t.match(before.stderr, /knot integrations show grafana/);

  const shown = await gateway.knot(['integrations', 'show', 'grafana']);
  t.equal(shown.status, 0, shown.stderr);
  t.notMatch(shown.stdout, grafana.adminPassword);
  grafana.configure(shown.stdout);
  const after = await check();
  t.equal(after.status, 0, `${after.stdout}${after.stderr}`);
  t.match(after.stdout, /ok +settings/);
  t.match(after.stdout, /note +metrics: It has no data of Knot/);
});

t.test('a click is a sign-in: as oneself, with the role of oneself', async (t) => {
  const bob = await person('bob');
  t.match((await bob.visit(`${origin}/`)).text, 'Hello bob');
  t.match((await bob.visit(`${origin}/api/user`)).json(), {
    login: 'bob',
    email: 'bob@example.org',
    orgRole: 'Viewer',
  });
  t.match((await ann.visit(`${origin}/api/user`)).json(), { login: 'ann', orgRole: 'Admin' });
});

t.test('a session that Grafana still knows, passwords and tokens of others reach nothing', async (t) => {
  const bob = await person('bob');
  const [name, value] = grafana.leaveSession('admin').split('=') as [string, string];
  bob.setCookies('grafana.localhost', new Map([...bob.cookies('grafana.localhost'), [name, value]]));
  const basic = Buffer.from(`admin:${grafana.adminPassword}`).toString('base64');
  const headers = { authorization: `Basic ${basic}`, 'x-jwt-assertion': 'forged', 'X-WEBAUTH-USER': 'admin' };
  const answer = await bob.request('GET', `${origin}/api/user?forged`, { headers });
  t.match(answer.json(), { login: 'bob' });
  const told = lastTo('/api/user?forged')!.headers;
  t.equal(told.authorization, undefined);
  t.notMatch(told.cookie ?? '', 'grafana_session');
  t.notMatch(JSON.stringify(told), /forged"|webauth/i);
  t.equal((await bob.request('GET', `${origin}/api/admin/settings`)).status, 403, 'and Grafana refuses too');
});

t.test('everybody has a folder of their own, and a team has one that its members edit', async (t) => {
  const bob = await person('bob');
  await eventually('bob has a folder', () => folderOf('bob')?.grants.length === 1);
  const titles = (answer: { json<T>(): T }) => answer.json<{ title: string }[]>().map(({ title }) => title);
  t.strictSame(titles(await bob.visit(`${origin}/api/folders`)), ['bob'], "nobody else's");

  const team = await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' });
  const { id } = team.json<{ id: string }>();
  const bobsId = (await bob.api('GET', '/me')).json<{ user: { id: string } }>().user.id;
  await ann.api('PUT', `/teams/${id}/members/${bobsId}`, { role: 'member' });
  await eventually('bob sees the folder of the team', async () =>
    titles(await bob.visit(`${origin}/api/folders`)).includes('Physics (team)'),
  );
  const joanna = await person('joanna');
  t.notOk(titles(await joanna.visit(`${origin}/api/folders`)).includes('Physics (team)'));
  const socket = bob.socket(`${origin.replace('https', 'wss')}/api/live/ws`, { headers: { origin } });
  atEnd(async () => socket.terminate());
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await ann.api('DELETE', `/teams/${id}/members/${bobsId}`);
  await closed;
  await eventually(
    'who left sees it no more',
    async () => !titles(await bob.visit(`${origin}/api/folders`)).includes('Physics (team)'),
  );
});

t.test('a folder that cannot be closed off is taken away again', async (t) => {
  grafana.state.folders.delete([...grafana.state.folders.values()].find(({ title }) => title === 'joanna')!.uid);
  const set = grafana.state.folders.set.bind(grafana.state.folders);
  // Says that the rights are set, and sets none.
  grafana.state.folders.set = (uid, folder) =>
    set(
      uid,
      Object.freeze({
        ...folder,
        get grants() {
          return [{ role: 'Viewer', permission: 1 }];
        },
        set grants(_) {},
      }),
    );
  t.teardown(() => void (grafana.state.folders.set = set));
  const joannas = (await (await person('joanna')).api('GET', '/me')).json<{ user: { id: string } }>().user.id;
  const changed = await ann.api('PATCH', `/users/${joannas}`, { email: 'jo@example.org' });
  t.ok(changed.status < 300, changed.text);
  const deleted = () => grafana.requests.some(({ method, path }) => method === 'DELETE' && path.includes(joannas));
  await eventually('it is taken away', deleted);
  t.equal(folderOf('joanna'), undefined);
});

t.test('Live sockets are open as oneself, and end with the right', async (t) => {
  const bob = await person('bob');
  const socket = bob.socket(`${origin.replace('https', 'wss')}/api/live/ws`, { headers: { origin } });
  atEnd(async () => socket.terminate());
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const bobsId = (await bob.api('GET', '/me')).json<{ user: { id: string } }>().user.id;
  const disabled = await ann.api('PATCH', `/users/${bobsId}`, { state: 'disabled' });
  t.ok(disabled.status < 300, disabled.text);
  await closed;
  await eventually('Grafana lets bob in no more', () => userOf('bob')?.isDisabled === true);
});

t.test('another password is told as that', async (t) => {
  writeFileSync(passwordFile, 'another-password');
  t.match((await check()).stdout, /WRONG +login: Grafana does not let Knot do this/);
});
