/**
 * What Knot does in a Grafana by its API: on the contract server, or on an installation that is only for tests
 * (`KNOT_REAL_GRAFANA=https://admin:PASSWORD@HOST`; afterwards it has the data source and the dashboards of Knot).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { basicOf, connectTool } from '../../gateway/integrations/ask.ts';
import { createGrafanaContent } from '../../gateway/integrations/grafana/content.ts';
import { createGrafana } from '../../gateway/integrations/grafana/grafana.ts';
import type { ToolOwner } from '../../gateway/integrations/integration.ts';
import { newSecret, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { startGrafana } from '../contracts/grafana/grafana.ts';

const real = process.env['KNOT_REAL_GRAFANA'];
const at = await (async () => {
  if (real !== undefined) {
    const { origin, username, password } = new URL(real);
    return { origin, user: decodeURIComponent(username), password: decodeURIComponent(password) };
  }
  const grafana = await startGrafana();
  t.teardown(grafana.stop);
  return { origin: grafana.origin, user: 'admin', password: grafana.adminPassword };
})();
const upstream = parseUpstream(at.origin, { allowLoopback: true });
const address = publicAddress({ domain: 'knot.example.org' }, 443);
const { ask, close } = connectTool({
  ...{ name: 'grafana', title: 'Grafana', upstream },
  headers: { authorization: basicOf(at.user, at.password) },
});
const open = (password: string) =>
  createGrafana({
    ...{ publicAddress: address, upstream, caFile: undefined, clock: systemClock, log: silentLog },
    config: { title: 'Metrics', auth: 'jwt', admin: { user: at.user, password: { fromFile: '-' } } },
    secrets: { admin: password },
    clientSecret: newSecret,
    metricsCookieOf: async () => 'knot-metrics=grant',
  });
const tool = open(at.password);
t.teardown(() => Promise.all([close(), tool.stop()]));

const suffix = randomBytes(4).toString('hex');
const person: ToolOwner = {
  ...{ kind: 'user', id: randomUUID(), name: `knot${suffix}`, title: `knot${suffix}` },
  ...{ email: `knot${suffix}@example.org`, isPaused: false },
};
const team: ToolOwner = {
  ...{ kind: 'team', id: randomUUID(), name: `t${suffix}`, title: `Team ${suffix}`, isPaused: false },
  members: [person.name, `nobody${suffix}`],
};
type User = { id: number; login: string; isDisabled?: boolean };
type Right = { userId?: number; teamId?: number; role?: string; permission: number; inherited?: boolean };
const found = async (login: string) => {
  const { status, body } = await ask<User>('GET', `/api/users/lookup?loginOrEmail=${login}`, { also: [404] });
  return status === 404 ? undefined : body;
};
/** Of everybody who is no administrator. */
const rightsOn = async (uid: string) => {
  const { body } = await ask<Right[]>('GET', `/api/folders/${uid}/permissions`);
  return body.filter(({ inherited, role }) => inherited !== true && role !== 'Admin');
};
const teamIdOf = async () => {
  const { body } = await ask<{ teams: { id: number }[] }>('GET', `/api/teams/search?name=knot-team-${team.name}`);
  return body.teams[0]?.id;
};
t.teardown(async () => {
  for (const { id } of [person, team]) await ask('DELETE', `/api/folders/${id}`, { also: [404] });
});

t.test('it answers, and lets Knot in with the right password alone', async (t) => {
  t.match(await tool.check!(), [
    { name: 'answers', status: 'ok' },
    { name: 'login', status: 'ok' },
    { name: 'settings' },
  ]);
  const wrong = open('another-password');
  t.teardown(() => wrong.stop());
  t.match(await wrong.check!(), [
    { name: 'answers', status: 'ok' },
    { name: 'login', status: 'failed' },
  ]);
});

t.test('a person is made before they come, with a folder that is theirs alone; twice is as once', async (t) => {
  for (let time = 0; time < 2; time++) {
    await tool.provide!(person);
    const user = await found(person.name);
    t.match(user, { login: person.name, isDisabled: false });
    t.match(await rightsOn(person.id), [{ userId: user!.id, permission: 2 }]);
    t.equal((await rightsOn(person.id)).length, 1);
  }
});

t.test('rights that somebody changed by hand are put right', async (t) => {
  await ask('POST', `/api/folders/${person.id}/permissions`, { body: { items: [{ role: 'Viewer', permission: 1 }] } });
  await tool.provide!(person);
  t.match(await rightsOn(person.id), [{ userId: (await found(person.name))!.id, permission: 2 }]);
});

t.test('a team has its members, and those alone', async (t) => {
  await tool.provide!(team);
  const id = (await teamIdOf())!;
  const members = async () =>
    (await ask<{ login: string }[]>('GET', `/api/teams/${id}/members`)).body.map(({ login }) => login);
  t.strictSame(await members(), [person.name]);
  t.match(await rightsOn(team.id), [{ teamId: id, permission: 2 }]);
  await tool.provide!({ ...team, members: [], title: `Renamed ${suffix}` });
  t.strictSame(await members(), []);
  t.match((await ask('GET', `/api/folders/${team.id}`)).body, { title: `Renamed ${suffix} (team)` });
});

t.test('who is disabled is disabled there, and comes back', async (t) => {
  await tool.provide!({ ...person, isPaused: true });
  t.match(await found(person.name), { isDisabled: true });
  await tool.provide!(person);
  t.match(await found(person.name), { isDisabled: false });
});

t.test('the data source and the dashboards are made, and put right', async (t) => {
  const content = createGrafanaContent(ask, { publicAddress: address, caPem: undefined });
  await content.apply();
  t.strictSame(await content.differences(), []);
  const { body } = await ask<Record<string, unknown>>('GET', '/api/datasources/uid/knot');
  await ask('PUT', '/api/datasources/uid/knot', { body: { ...body, url: 'https://evil.example.org' } });
  t.strictSame(await content.differences(), ['the data source Knot']);
  t.strictSame(await content.apply(), ['the data source Knot']);
  t.strictSame(await content.differences(), []);
});

t.test('who is gone is nobody there; what they made stays for administrators', async (t) => {
  await tool.provide!({ ...person, isPaused: true, isGone: true });
  await tool.provide!({ ...team, isPaused: true, isGone: true });
  t.equal(await found(person.name), undefined);
  t.equal(await teamIdOf(), undefined);
  for (const { id } of [person, team]) t.strictSame(await rightsOn(id), []);
});
