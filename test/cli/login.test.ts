import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';
import { createPerson } from '../support/process/person.ts';

/** From a terminal on another machine: `knot login`, what it keeps, and `knot logout`. */
const gateway = await startGateway({ config: { integrations: { jupyterhub: { mode: 'off' } } } });
const ann = createPerson(gateway);
t.teardown(async () => {
  await ann.close();
  await gateway.stop();
});
const home = t.testdir({});
const credentials = join(home, 'knot', 'credentials.json');
const main = join(import.meta.dirname, '..', '..', 'gateway', 'main.ts');

/** Another machine: no configuration, no data folder, a home of its own. */
function knot(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, XDG_CONFIG_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const complaints = text(child.stderr);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    shown: () => shown,
    end: async () => ({ status: await ended, stdout: shown, stderr: await complaints }),
  };
}

const fieldsOf = (page: string) =>
  Object.fromEntries([...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));

t.test('a person signs a terminal in, which keeps what it was given for nobody else, and out again', async (t) => {
  await ann.fill(await ann.visit(gateway.setupLink!), {
    username: 'ann',
    email: 'ann@example.org',
    password: 'correct-horse-staple-7',
  });
  const login = knot('login', gateway.origin, '--ca', gateway.caFile);
  const code = await eventually(
    () => `a code: ${login.shown()}`,
    () => /\n {4}([B-Z]{4}-[B-Z]{4})\n/.exec(login.shown())?.[1],
  );
  t.ok(login.shown().includes(`${gateway.origin}/oidc/device`));
  const form = fieldsOf((await ann.visit(`${gateway.origin}/oidc/device`)).text);
  const confirm = await ann.submit('/oidc/device', { ...form, user_code: code });
  t.match(confirm.text, /127\.0\.0\.1/, 'from where it was asked for');
  const { abort: _abort, ...yes } = fieldsOf(confirm.text);
  const done = await ann.submit('/oidc/device', yes);
  t.match(done.text, /Your terminal is signed in/);
  const signedIn = await login.end();
  t.match(signedIn, { status: 0, stdout: /You are signed in at https:.* as ann/ });

  t.equal(statSync(credentials).mode & 0o777, 0o600, 'for nobody else');
  t.equal(statSync(join(home, 'knot')).mode & 0o777, 0o700);
  type Kept = { at: Record<string, { accessToken: string; refreshToken: string; expiresAt: number }> };
  const kept = () => (JSON.parse(readFileSync(credentials, 'utf8')) as Kept).at[gateway.origin]!;
  const first = kept();
  t.match(await knot('whoami').end(), { status: 0, stdout: /^ann at https:/ });
  for (const secret of [first.accessToken, first.refreshToken]) {
    t.notOk(gateway.output().includes(secret), 'no log has it');
    t.notOk(signedIn.stdout.includes(secret), 'nor the terminal');
  }

  const made = await knot('token', 'add', 'script', '--scope', 'files:read', '--json').end();
  t.match(made, { status: 0 }, made.stderr);
  const { token, secret } = JSON.parse(made.stdout) as { token: { id: string }; secret: string };
  t.match(secret, /^knot_pat_/);
  const [listed, beyond, listing] = await Promise.all([
    knot('token', 'list').end(),
    knot('token', 'add', 'more', '--scope', 'admin:read').end(),
    knot('files', 'ls', 'private:/').end(),
  ]);
  t.match(listed, { status: 0, stdout: new RegExp(`${token.id} +script`) });
  t.match(beyond, { status: 1, stderr: /KNOT_API_TOKEN_SCOPE/ }, 'not for more than a terminal may');
  t.match(listing, { status: 0 }, listing.stderr);
  t.match(await knot('token', 'remove', token.id).end(), { status: 0 });

  const all = JSON.parse(readFileSync(credentials, 'utf8')) as Kept;
  all.at[gateway.origin]!.expiresAt = 0;
  writeFileSync(credentials, JSON.stringify(all));
  t.match(await knot('whoami', gateway.origin).end(), { status: 0, stdout: /^ann/ }, 'it is renewed');
  t.not(kept().refreshToken, first.refreshToken);
  t.equal(statSync(credentials).mode & 0o777, 0o600);

  t.match(await knot('logout').end(), { status: 0, stdout: /signed out of/ });
  t.match(await knot('whoami').end(), { status: 1, stderr: /KNOT_CLI_SIGNED_OUT/ });
  t.notOk(readFileSync(credentials, 'utf8').includes(first.refreshToken));
  const { connections } = (await ann.api('GET', '/account/connections')).json<{
    connections: { isOffline: boolean }[];
  }>();
  t.notOk(
    connections.some(({ isOffline }) => isOffline),
    'and ended there',
  );
});

t.test('what cannot be is refused with its cure', async (t) => {
  t.match(await knot('login', 'http://localhost').end(), { status: 1, stderr: /KNOT_CLI_ADDRESS/ });
  t.match(await knot('login', `${gateway.origin}/x`).end(), { status: 1, stderr: /KNOT_CLI_ADDRESS/ });
  t.match(await knot('login', gateway.origin).end(), { status: 1, stderr: /not trusted[^]*--ca/ });
  t.match(await knot('login', gateway.origin, '--ca', '/nowhere').end(), { status: 1, stderr: /KNOT_CLI_CA_FILE/ });
  t.match(await knot('login', 'https://127.0.0.1:1').end(), { status: 1, stderr: /KNOT_CLI_UNREACHABLE/ });
  t.match(await knot('logout', 'https://elsewhere.example').end(), {
    status: 1,
    stderr: /not signed in at https:\/\/elsewhere/,
  });
  t.match(await knot('login').end(), { status: 2 });
  t.ok(existsSync(credentials));
});
