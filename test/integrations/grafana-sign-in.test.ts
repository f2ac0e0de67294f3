/**
 * Grafana as an OpenID client (`integrations.grafana.auth: oidc`) behind a whole gateway, on the contract server with the configuration that
 * Knot prints for it: Grafana keeps a session of its own, which is worth something only in the session here in which it began.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startGrafana } from '../contracts/grafana/grafana.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople, password } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

const grafana = await startGrafana();
t.teardown(grafana.stop);
const passwordFile = join(t.testdir({}), 'password');
writeFileSync(passwordFile, grafana.adminPassword);
const port = await freePort();
const { gateway, ann, person, stranger, atEnd } = await openPeople(t, {
  others: ['bob', 'carl', 'dora'],
  config: {
    listen: `127.0.0.1:${port}`,
    integrations: {
      jupyterhub: { mode: 'off' },
      grafana: { upstream: grafana.origin, auth: 'oidc', admin: { password: { fromFile: passwordFile } } },
    },
  },
});
const host = 'grafana.localhost';
const origin = `https://${host}:${port}`;
const userOf = (login: string) => grafana.state.users.find((user) => user.login === login);
const folderOf = (title: string) => [...grafana.state.folders.values()].find((folder) => folder.title === title);
const idOf = async (who: Person) => (await who.api('GET', '/me')).json<{ user: { id: string } }>().user.id;
const toldOf = (path: string) => grafana.requests.findLast((one) => one.path === path)!.headers;
const shownIn = (who: Person) => who.request('GET', `${origin}/api/user`);

t.test('what an operator pastes makes it an OpenID client of Knot, and the check says so', async (t) => {
  const shown = await gateway.knot(['integrations', 'show', 'grafana']);
  t.equal(shown.status, 0, shown.stderr);
  grafana.configure(shown.stdout);
  const checked = await gateway.knot(['integrations', 'check', 'grafana']);
  t.equal(checked.status, 0, `${checked.stdout}${checked.stderr}`);
  t.match(checked.stdout, /ok +settings/);
  const secret = grafana.state.configuration['auth.generic_oauth']!['client_secret']!;
  t.ok(secret.length >= 32);
  t.notMatch(checked.stdout, secret);
  t.equal(grafana.state.configuration['auth.jwt'], undefined);
});

let physics = '';
t.test('a click is a sign-in, without a form, at the page that was asked for', async (t) => {
  const bob = await person('bob');
  physics = (await ann.api('POST', '/teams', { name: 'physics', title: 'Physics' })).json<{ id: string }>().id;
  await ann.api('PUT', `/teams/${physics}/members/${await idOf(bob)}`, { role: 'member' });
  await eventually('the team is there', () => grafana.state.teams.length === 1);
  const page = await bob.visit(`${origin}/d/some-dashboard?from=now-6h`);
  t.match(page.text, 'Hello bob', `${page.status} ${page.url} ${grafana.failures.join()}`);
  t.equal(page.url, `${origin}/d/some-dashboard?from=now-6h`);
  const callback = grafana.requests.findLast(({ path }) => path.startsWith('/login/generic_oauth?code='))!;
  t.match(callback.headers.cookie, /oauth_state=.*oauth_code_verifier=|oauth_code_verifier=.*oauth_state=/);
  t.match((await shownIn(bob)).json(), { login: 'bob', email: 'bob@example.org', orgRole: 'Viewer' });
  t.equal((await bob.request('GET', `${origin}/api/admin/settings`)).status, 403);
  t.match((await ann.visit(`${origin}/`)).text, 'Hello ann');
  t.match((await shownIn(ann)).json(), { login: 'ann', orgRole: 'Admin' });
  t.strictSame(grafana.failures, []);
});

t.test(
  'who came has a folder of their own, and those of the teams they were in before and came into since',
  async (t) => {
    const bob = await person('bob');
    const titles = async () =>
      (await bob.request('GET', `${origin}/api/folders`)).json<{ title: string }[]>().map(({ title }) => title);
    for (const title of ['bob', 'Physics (team)'])
      await eventually(`bob sees ${title}`, async () => (await titles()).includes(title));
    t.strictSame(folderOf('bob')?.grants, [{ userId: userOf('bob')!.id, permission: 2 }]);
    await ann.api('DELETE', `/teams/${physics}/members/${await idOf(bob)}`);
    await eventually('who left sees it no more', async () => !(await titles()).includes('Physics (team)'));
  },
);

t.test('one thing says who asks: no password, token or field that a browser sends', async (t) => {
  const bob = await person('bob');
  const basic = Buffer.from(`admin:${grafana.adminPassword}`).toString('base64');
  const headers = { authorization: `Basic ${basic}`, 'x-jwt-assertion': 'forged' };
  t.match((await bob.request('GET', `${origin}/api/user?forged`, { headers })).json(), { login: 'bob' });
  const told = toldOf('/api/user?forged');
  t.equal(told.authorization, undefined);
  t.notMatch(JSON.stringify(told), 'forged"');
});

t.test("a session of somebody else's never outranks, however it came into the browser", async (t) => {
  const bob = await person('bob');
  const own = bob.cookies(host);
  t.teardown(() => bob.setCookies(host, own));
  const left = grafana.leaveSession('admin').split('=') as [string, string];
  for (const [what, value] of [
    ["of an administrator's browser", ann.cookies(host).get('grafana_session')!],
    ['of before Knot', left[1]],
  ] as const) {
    bob.setCookies(host, new Map([...own, ['grafana_session', value]]));
    t.equal((await shownIn(bob)).status, 401, what);
    t.match((await bob.visit(`${origin}/`)).text, 'Hello bob', what);
  }
});

t.test('tokens are renewed behind the scenes', async (t) => {
  const bob = await person('bob');
  grafana.expireTokens();
  t.match((await shownIn(bob)).json(), { login: 'bob' });
});

t.test('signing out ends it: at Knot, and in Grafana itself', async (t) => {
  const carl = await person('carl');
  t.match((await carl.visit(`${origin}/`)).text, 'Hello carl');
  const socket = carl.socket(`${origin.replace('https', 'wss')}/api/live/ws`, { headers: { origin } });
  atEnd(async () => socket.terminate());
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const kept = carl.cookies(host);
  await carl.submit('/logout', {});
  await closed;
  t.match(await shownIn(carl), { status: 401 });
  await carl.signIn('carl', password);
  // What the browser still has of the last time is worth nothing beside the next sign-in.
  t.match((await carl.visit(`${origin}/`)).text, 'Hello carl');
  const now = carl.cookies(host);
  carl.setCookies(host, new Map([...now, ['grafana_session', kept.get('grafana_session')!]]));
  t.match(await shownIn(carl), { status: 401 });
  carl.setCookies(host, now);
  t.match((await shownIn(carl)).json(), { login: 'carl' });

  const out = await carl.visit(`${origin}/logout`);
  t.match(out.url, `${gateway.origin}/logout`, 'the way out of Grafana is the way out of Knot');
  // The same browser, somebody else.
  await carl.submit('/logout', {});
  await carl.signIn('dora', password);
  t.match((await carl.visit(`${origin}/`)).text, 'Hello dora');
});

t.test('who is disabled is out at once, also of what Grafana keeps', async (t) => {
  const dora = stranger();
  await dora.signIn('dora', password);
  await dora.visit(`${origin}/`);
  const socket = dora.socket(`${origin.replace('https', 'wss')}/api/live/ws`, { headers: { origin } });
  atEnd(async () => socket.terminate());
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const disabled = await ann.api('PATCH', `/users/${await idOf(dora)}`, { state: 'disabled' });
  t.ok(disabled.status < 300, disabled.text);
  await closed;
  t.match(await shownIn(dora), { status: 401 });
  await eventually('Grafana lets her in no more', () => userOf('dora')?.isDisabled === true);
});

t.test('whose address somebody else has there is told so once, and taken for nobody', async (t) => {
  const before = grafana.failures.length;
  const { users } = grafana.state;
  users.push({ ...users[0]!, id: 99, login: 'eve', email: 'frank@example.org', isServerAdmin: false });
  await gateway.knot(['user', 'add', 'frank', '--email', 'frank@example.org', '--password-file', '-'], password);
  const page = await (await person('frank')).visit(`${origin}/`);
  t.match(page.text, 'Login failed');
  t.strictSame(grafana.failures.slice(before), ['User sync failed']);
});
