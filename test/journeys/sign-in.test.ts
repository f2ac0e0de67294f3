import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';

/** The whole product without a browser and without notebooks: one real process, real cookies, real TLS. */
const echo = await startEcho();
const gateway = await startGateway({
  config: {
    integrations: { jupyterhub: { mode: 'off' } },
    apps: [
      { name: 'echo', upstream: echo.address, title: 'Echo' },
      { name: 'console', upstream: echo.address, title: 'Console', audience: 'admins' },
    ],
  },
});
const ann = createPerson(gateway);
const bob = createPerson(gateway);
const people = [ann, bob];
t.teardown(async () => {
  await Promise.all(people.map((person) => person.close()));
  await gateway.stop();
  await echo.close();
});

const passwords = { ann: 'correct-horse-staple-7', bob: 'battery-lantern-otter-9' };
const echoOrigin = `https://echo.localhost:${gateway.port}`;
const consoleOrigin = `https://console.localhost:${gateway.port}`;

t.test('the setup link makes the first admin and dies on its first use', async (t) => {
  t.ok(gateway.setupLink, 'a link is printed');
  const page = await ann.visit(gateway.setupLink!);
  t.equal(page.status, 200);
  t.match(page.text, /<h1/);
  const made = await ann.fill(page, {
    username: 'ann',
    email: 'ann@example.org',
    password: passwords.ann,
  });
  t.equal(made.status, 200, made.text.slice(0, 300));
  const me = (await ann.api('GET', '/me')).json<{ user: { username: string; isAdmin: boolean } }>();
  t.match(me, { user: { username: 'ann', isAdmin: true } });
  const again = await bob.visit(gateway.setupLink!);
  t.ok(again.status >= 400, `used link answers ${again.status}`);
  const misuse = await bob.fill(page, {
    username: 'eve',
    email: 'eve@example.org',
    password: passwords.bob,
  });
  t.ok(misuse.status >= 400);
  t.equal((await gateway.knot(['user', 'setup-link'])).status, 1, 'no new link once an admin exists');
});

t.test('a deep link on an application, opened signed out, lands there after sign-in with path and query', async (t) => {
  const other = createPerson(gateway);
  people.push(other);
  const asked = await other.visit(`${echoOrigin}/a/deep%20link/x?y=1&z=%2F`);
  t.match(asked.url, `${gateway.origin}/login`, 'sent to sign in');
  const landed = await other.fill(asked, { username: 'ann', password: passwords.ann });
  t.equal(landed.url, `${echoOrigin}/a/deep%20link/x?y=1&z=%2F`);
  t.equal(landed.json<{ url: string }>().url, '/a/deep%20link/x?y=1&z=%2F');
});

t.test('the application sees who it is, and none of our cookies', async (t) => {
  const seen = (await ann.visit(`${echoOrigin}/who`)).json<{ headers: Record<string, string> }>().headers;
  t.equal(seen['x-knot-user'], 'ann');
  t.match(seen['x-knot-groups'], /knot-admins/);
  t.ok(seen['x-knot-assertion']!.split('.').length === 3);
  t.equal(seen['host'], `echo.localhost:${gateway.port}`);
  t.notMatch(JSON.stringify(seen), /__Host-knot/);
  const claims = JSON.parse(Buffer.from(seen['x-knot-assertion']!.split('.')[1]!, 'base64url').toString());
  t.match(claims, { aud: 'echo.localhost', preferred_username: 'ann' });
  t.ok(claims.exp - claims.iat <= 120);
});

t.test('a second person signs up, waits, is approved and gets in, but not where admins go', async (t) => {
  const signedUp = await bob.submit('/signup', { username: 'bob', email: 'bob@example.org', password: passwords.bob });
  t.match(signedUp.text, /approv/i);
  const early = await bob.signIn('bob', passwords.bob);
  t.match(early.text, /approv|waiting/i);
  t.equal((await bob.api('GET', '/me')).status, 401);

  const { users } = (await ann.api('GET', '/users?state=pending')).json<{
    users: { id: string; username: string }[];
  }>();
  t.strictSame(
    users.map((user) => user.username),
    ['bob'],
  );
  const approved = await ann.api('PATCH', `/users/${users[0]!.id}`, { state: 'active' });
  t.equal(approved.status, 200, approved.text);

  await bob.signIn('bob', passwords.bob);
  t.equal((await bob.api('GET', '/me')).status, 200);
  t.equal((await bob.visit(`${echoOrigin}/`)).status, 200);
  const refused = await bob.visit(`${consoleOrigin}/`);
  t.equal(refused.status, 403);
  t.match(refused.text, /Decision/i, 'the page names the decision');
  t.equal((await ann.visit(`${consoleOrigin}/`)).status, 200);
  t.equal((await bob.api('GET', '/users')).status, 403);
});

t.test('the tiles a person sees are those the policies let them open', async (t) => {
  const names = async (person: typeof ann) =>
    (await person.api('GET', '/tiles')).json<{ tiles: { name: string }[] }>().tiles.map((tile) => tile.name);
  t.ok((await names(ann)).includes('console'));
  t.notOk((await names(bob)).includes('console'));
  t.ok((await names(bob)).includes('echo'));
});

t.test('an edited policy file goes live by itself; a broken one is shown and changes nothing', async (t) => {
  const file = join(gateway.policies, 'local.cedar');
  writeFileSync(
    file,
    '@id("no-echo-for-bob")\nforbid (principal, action, resource == Integration::"echo")\nwhen { principal.username == "bob" };\n',
  );
  await eventually('bob is refused', async () => (await bob.visit(`${echoOrigin}/`)).status === 403);
  t.match((await bob.visit(`${echoOrigin}/`)).text, /no-echo-for-bob/, 'the page names the rule');
  t.equal((await ann.visit(`${echoOrigin}/`)).status, 200);

  writeFileSync(file, 'permit (principal, action, resource\n');
  await eventually(
    'the problem is shown',
    async () =>
      (await ann.api('GET', '/policies')).json<{ problems: { file: string; line: number }[] }>().problems.length > 0,
  );
  const { problems } = (await ann.api('GET', '/policies')).json<{
    problems: { file: string; line: number; column: number }[];
  }>();
  t.match(problems[0], { file: 'local.cedar', line: /[12]/ });
  t.equal((await bob.visit(`${echoOrigin}/`)).status, 403, 'the last good set stays in force');
  const checked = await gateway.knot(['policy', 'check']);
  t.equal(checked.status, 1);
  t.match(checked.stderr, /local\.cedar:\d+:\d+/);

  writeFileSync(file, '// nothing\n');
  await eventually('bob is let in again', async () => (await bob.visit(`${echoOrigin}/`)).status === 200);
});

t.test('sign-out ends the session on every host and cuts open sockets within two seconds', async (t) => {
  const carol = createPerson(gateway);
  people.push(carol);
  await carol.signIn('bob', passwords.bob);
  await carol.visit(`${echoOrigin}/`);
  const stolen = carol.cookies('echo.localhost');
  const socket = carol.socket(`wss://echo.localhost:${gateway.port}/socket`);
  await once(socket, 'open');
  socket.send('hello');
  t.equal(String((await once(socket, 'message'))[0]), 'hello');
  const out = await carol.submit('/logout', {});
  t.equal(out.status, 200);
  await eventually('the socket is cut', () => socket.readyState === socket.CLOSED, 20_000);
  t.equal((await carol.api('GET', '/me')).status, 401);
  carol.setCookies('echo.localhost', stolen);
  const replayed = await carol.request('GET', `${echoOrigin}/`, { headers: { accept: 'application/json' } });
  t.equal(replayed.status, 401, 'the kept cookie is worthless');
});

t.test('disabling on the command line cuts within two seconds, enabling lets in again', async (t) => {
  const socket = bob.socket(`wss://echo.localhost:${gateway.port}/socket`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const done = await gateway.knot(['user', 'disable', 'bob']);
  t.equal(done.status, 0, done.stderr);
  const startedAt = performance.now();
  await closed;
  // Not a measurement: without being told, it would go on until what is cached is looked at again after a minute.
  t.ok(performance.now() - startedAt < 20_000, `cut after ${Math.round(performance.now() - startedAt)} ms`);
  t.equal((await bob.api('GET', '/me')).status, 401);
  t.match((await bob.signIn('bob', passwords.bob)).text, /disabled/i);
  t.equal((await gateway.knot(['user', 'enable', 'bob'])).status, 0);
  await eventually('bob gets in again', async () => {
    await bob.signIn('bob', passwords.bob);
    return (await bob.api('GET', '/me')).status === 200;
  });
});

t.test('the command line tells what the gateway would do, and the audit record is unbroken', async (t) => {
  const explained = await gateway.knot([
    'policy',
    'explain',
    '--as',
    'bob',
    '--method',
    'GET',
    '--url',
    `${consoleOrigin}/`,
  ]);
  t.equal(explained.status, 0, explained.stderr);
  t.match(explained.stdout, /^DENY/);
  const verified = await gateway.knot(['audit', 'verify']);
  t.equal(verified.status, 0, verified.stderr);
  const { stdout } = await gateway.knot(['user', 'list', '--json']);
  t.strictSame(
    JSON.parse(stdout)
      .map((user: { username: string }) => user.username)
      .sort(),
    ['ann', 'bob'],
  );
  t.notMatch(stdout, /argon2/);
});

t.test('no secret was logged', async (t) => {
  const log = gateway.output();
  for (const secret of Object.values(passwords)) t.notMatch(log, secret);
  t.notMatch(log, /__Host-knot=|"cookie":"[^[]/);
  t.match(log, /"msg":"access"/);
  t.ok(readFileSync(gateway.caFile, 'utf8').includes('BEGIN CERTIFICATE'));
});
