/** Somebody in two hundred teams with the longest names there are: they come into each tool, and nothing grows beyond what servers take. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startGrafana } from '../contracts/grafana/grafana.ts';
import { startHarbor } from '../contracts/harbor/harbor.ts';
import { freePort } from '../support/net/free-port.ts';
import { startStandIn } from '../support/net/stand-in.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { openPeople, password } from '../support/process/people.ts';
import { createPerson, type Person } from '../support/process/person.ts';

const grafana = await startGrafana();
const harbor = await startHarbor({ withRegistry: false });
const standIn = await startStandIn();
t.teardown(async () => {
  standIn.close();
  await Promise.all([grafana.stop(), harbor.stop()]);
});
const folder = mkdtempSync(join(tmpdir(), 'knot-many-teams-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const data = join(folder, 'data');
const listen = `127.0.0.1:${await freePort()}`;
// Without logins of Knot's own: what two hundred teams have in the tools is nothing to this.
const { gateway, ann, person } = await openPeople(t, {
  ...{ others: ['bob'], data },
  config: {
    listen,
    integrations: {
      jupyterhub: { mode: 'external', upstream: standIn.url },
      grafana: { upstream: grafana.origin },
      harbor: { upstream: harbor.origin },
    },
  },
});
const bob = await person('bob');
const names = Array.from({ length: 200 }, (_, index) => `research${String(index).padStart(22, '0')}`);
const { id } = (await ann.api('GET', '/users/bob')).json<{ id: string }>();
for (const name of names) {
  const team = (await ann.api('POST', '/teams', { name, title: name })).json<{ id: string }>();
  const { status } = await ann.api('PUT', `/teams/${team.id}/members/${id}`, { role: 'member' });
  if (status !== 200) throw new Error(`${name}: ${status}`);
}
const originOf = (tool: string) => `https://${tool}.localhost:${gateway.port}`;
/** nginx before a tool takes 8 KiB for a field, Tomcat that much for all of them. */
const mostBytes = 8 * 1024;
const bytesOf = (fields: Iterable<readonly [string, string | string[] | undefined]>) =>
  [...fields].reduce((sum, [name, value]) => sum + name.length + String(value).length + 4, 0);

t.test('Grafana is told by a token that it takes, with the groups that its rules ask for', async (t) => {
  grafana.configure((await gateway.knot(['integrations', 'show', 'grafana'])).stdout);
  const ask = async (who: Person) => {
    const answer = await who.visit(`${originOf('grafana')}/api/user`);
    t.equal(answer.status, 200, answer.text);
    t.ok(bytesOf(Object.entries(grafana.requests.at(-1)!.headers)) < mostBytes);
    return answer.json();
  };
  t.match(await ask(bob), { login: 'bob', orgRole: 'Viewer' });
  await ann.api('PATCH', `/users/${id}`, { isAdmin: true });
  t.match(await ask(bob), { login: 'bob', orgRole: 'Admin' }, 'that of administrators is never left out');
});

t.test('Harbor signs them in with all of their groups', async (t) => {
  harbor.setExternalUrl(originOf('harbor'));
  harbor.trust(caOf(gateway));
  const shown = (await gateway.knot(['integrations', 'show', 'harbor'])).stdout;
  const settings = JSON.parse(/^\{[^]*?^\}/m.exec(shown)![0]) as object;
  Object.assign(harbor.state.settings, settings);
  const page = await bob.visit(`${originOf('harbor')}/c/oidc/login?redirect_url=/harbor/projects`);
  t.match(page.text, '<p id="user">bob', `${page.status} ${page.url}`);
  const groups = new Set(harbor.state.users.find(({ username }) => username === 'bob')!.groups);
  t.strictSame(
    names.filter((name) => !groups.has(`knot:team:${name}`)),
    [],
  );
});

t.test('what a browser keeps, and what a tool is told, stays short', async (t) => {
  await bob.visit(`${originOf('jupyterhub')}/user/bob/lab?contract=page`);
  t.ok(bytesOf([...standIn.heard.at(-1)!.headers].map(([name, values]) => [name, values.join()])) < mostBytes);
  for (const host of ['localhost', 'jupyterhub.localhost', 'harbor.localhost', 'grafana.localhost'])
    t.ok(bytesOf(bob.cookies(host)) < 1024, `${host}: ${bytesOf(bob.cookies(host))} bytes of cookies`);
});

t.test(
  'Grafana as an OpenID client signs them in with all of their groups, and nothing that it is sent is long',
  async (t) => {
    await gateway.stop();
    // Another one: who came to the first by a token it would not take for the same person.
    const signing = await startGrafana();
    const again = await startGateway({
      data,
      config: {
        listen,
        integrations: { jupyterhub: { mode: 'off' }, grafana: { upstream: signing.origin, auth: 'oidc' } },
      },
    });
    const bob = createPerson(again);
    t.teardown(async () => {
      await bob.close();
      await again.stop();
      await signing.stop();
    });
    const shown = (await again.knot(['integrations', 'show', 'grafana'])).stdout;
    await bob.signIn('bob', password);
    for (const team of ['nobodys', names.at(-1)!]) {
      // Nobody comes in who is not told to be in it.
      signing.configure(
        shown.replace('[auth.generic_oauth]\n', `[auth.generic_oauth]\nallowed_groups = knot:team:${team}\n`),
      );
      const page = await bob.visit(`${originOf('grafana')}/`);
      const told = `${team}: ${page.status} ${page.url} ${signing.failures.join()}`;
      t.match(page.text, team === 'nobodys' ? 'Login failed' : 'Hello bob', told);
    }
    t.match((await bob.visit(`${originOf('grafana')}/api/user`)).json(), { login: 'bob', orgRole: 'Admin' });
    t.ok(signing.requests.some(({ path }) => path.startsWith('/login/generic_oauth?code=')));
    for (const { path, headers } of signing.requests)
      t.ok(path.length + bytesOf(Object.entries(headers)) < mostBytes, path.slice(0, 60));
    t.ok(
      bytesOf(bob.cookies('grafana.localhost')) < 1024,
      `${bytesOf(bob.cookies('grafana.localhost'))} bytes of cookies`,
    );
  },
);
