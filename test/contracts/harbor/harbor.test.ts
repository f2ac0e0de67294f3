/**
 * What Knot relies on of Harbor. Runs against the contract server, and against a real one as its administrator with
 * `KNOT_REAL_HARBOR=https://admin:PASSWORD@HOST node test/contracts/harbor/harbor.test.ts`: an installation for tests only, because
 * projects and robots are made and removed.
 */
/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as overTls } from 'node:https';
import t from 'tap';
import { robotPermissions } from '../../../gateway/integrations/harbor/robot-rights.ts';
import { apiOf, isNamed, open, uniqueName, v2 } from './opened.ts';

t.test('projects are made once, found by name and number, and told apart', async (t) => {
  const { origin, admin } = await open(t);
  const name = uniqueName('knot');
  const made = await admin('POST', `${v2}/projects`, {
    project_name: name,
    metadata: { public: 'false' },
    storage_limit: 5_000_000,
  });
  t.equal(made.status, 201);
  const id = Number(/\/projects\/(\d+)$/.exec(made.headers.get('location')!)![1]);
  const again = await admin('POST', `${v2}/projects`, { project_name: name, metadata: {} });
  t.equal(again.status, 409);
  t.equal(again.body.errors[0].code, 'CONFLICT');
  t.equal((await admin('POST', `${v2}/projects`, { project_name: 'Upper' })).status, 400);
  t.equal((await admin('HEAD', `${v2}/projects?project_name=${name}`)).status, 200);
  t.equal((await admin('HEAD', `${v2}/projects?project_name=${name}x`)).status, 404);
  t.match((await admin('GET', `${v2}/projects/${name}`)).body, { project_id: id, name, metadata: { public: 'false' } });

  const quota = (await admin('GET', `${v2}/quotas?reference=project&reference_id=${id}`)).body[0];
  t.match(quota, { hard: { storage: 5_000_000 }, used: { storage: 0 }, ref: { id } });
  t.equal((await admin('PUT', `${v2}/quotas/${quota.id}`, { hard: { storage: 9_000_000 } })).status, 200);
  t.equal((await admin('GET', `${v2}/quotas?reference=project&reference_id=${id}`)).body[0].hard.storage, 9_000_000);

  // A name of digits is a number, unless the header says that it is a name.
  const digits = String(900_000_000 + Math.floor(Math.random() * 1e8));
  t.equal((await admin('POST', `${v2}/projects`, { project_name: digits, metadata: {} })).status, 201);
  t.equal((await admin('GET', `${v2}/projects/${digits}`)).status, 404);
  t.equal((await admin('GET', `${v2}/projects/${digits}`, undefined, isNamed)).status, 200);
  t.equal((await admin('DELETE', `${v2}/projects/${digits}`, undefined, isNamed)).status, 200);

  const anybody = apiOf(origin, ['', '']);
  t.equal((await anybody('GET', `${v2}/projects/${name}`)).status, 401);
  t.equal((await anybody('POST', `${v2}/projects`, { project_name: uniqueName('x') })).status, 401);
  t.same((await admin('GET', `${v2}/projects/${name}/_deletable`)).body.deletable, true);
  t.equal((await admin('DELETE', `${v2}/projects/${name}`)).status, 200);
  t.equal((await admin('DELETE', `${v2}/projects/${name}`)).status, 404);
});

t.test('lists come in pages of ten, with a count and links, and a page has a hundred at most', async (t) => {
  const { admin } = await open(t);
  const prefix = uniqueName('page');
  const names = Array.from({ length: 12 }, (_, index) => `${prefix}-${index}`);
  for (const project_name of names) await admin('POST', `${v2}/projects`, { project_name, metadata: {} });
  const first = await admin('GET', `${v2}/projects?name=${prefix}`);
  t.equal(first.body.length, 10);
  t.equal(first.headers.get('x-total-count'), '12');
  t.match(first.headers.get('link'), /page=2&page_size=10.*rel="next"/);
  const second = await admin('GET', `${v2}/projects?name=${prefix}&page=2&page_size=10`);
  t.equal(second.body.length, 2);
  t.match(second.headers.get('link'), /rel="prev"/);
  t.notMatch(second.headers.get('link'), /rel="next"/);
  t.equal((await admin('GET', `${v2}/projects?page_size=101`)).status, 422);
  t.equal((await admin('GET', `${v2}/projects?page=x`)).status, 422);
  t.same((await admin('GET', `${v2}/projects?name=${prefix}&page=0`)).body, first.body, 'the first again');
  for (const name of names) t.equal((await admin('DELETE', `${v2}/projects/${name}`)).status, 200);
});

t.test('a group that nobody has yet becomes a member; nobody becomes one twice', async (t) => {
  const { admin } = await open(t);
  const before = (await admin('GET', `${v2}/configurations`)).body.auth_mode;
  t.equal((await admin('PUT', `${v2}/configurations`, { auth_mode: 'oidc_auth' })).status, 200);
  const name = uniqueName('members');
  await admin('POST', `${v2}/projects`, { project_name: name, metadata: {} });
  const group = { role_id: 2, member_group: { group_name: `knot:user:${name}`, group_type: 3 } };
  const added = await admin('POST', `${v2}/projects/${name}/members`, group);
  t.equal(added.status, 201);
  t.equal((await admin('POST', `${v2}/projects/${name}/members`, group)).status, 409);
  const unknown = await admin('POST', `${v2}/projects/${name}/members`, {
    role_id: 2,
    member_user: { username: uniqueName('no') },
  });
  t.equal(unknown.status, 404, 'people cannot be added by a name that nobody has');
  t.equal((await admin('POST', `${v2}/projects/${name}/members`, { ...group, role_id: 9 })).status, 409);
  const other = { member_group: { group_name: `${name}-other`, group_type: 3 }, role_id: 9 };
  t.equal((await admin('POST', `${v2}/projects/${name}/members`, other)).status, 400);
  const every = (await admin('GET', `${v2}/projects/${name}/members`)).body;
  t.match(
    every.map(({ entity_name, entity_type }: any) => [entity_name, entity_type]),
    [
      ['admin', 'u'],
      [`knot:user:${name}`, 'g'],
    ],
    'in the order of their names',
  );
  const named = async (part: string) => (await admin('GET', `${v2}/projects/${name}/members?entityname=${part}`)).body;
  t.same(await named('knot:user:'), [], 'a part of a name finds nobody');
  const members = await named(`knot:user:${name}`);
  t.match(members, [{ entity_name: `knot:user:${name}`, entity_type: 'g', role_id: 2 }]);
  const member = `${v2}/projects/${name}/members/${members[0].id}`;
  t.equal((await admin('PUT', member, { role_id: 4 })).status, 200);
  t.equal((await admin('DELETE', member)).status, 200);
  t.equal((await admin('DELETE', member)).status, 200, 'nobody is told that they were gone');
  await admin('DELETE', `${v2}/projects/${name}`);
  if (before.editable) await admin('PUT', `${v2}/configurations`, { auth_mode: before.value });
});

t.test('a robot has its secret said once, can be given another, and can be stopped', async (t) => {
  const { origin, admin } = await open(t);
  const name = uniqueName('robots');
  const made = await admin('POST', `${v2}/projects`, { project_name: name, metadata: {} });
  const id = /\d+$/.exec(made.headers.get('location')!)![0];
  const access = [{ resource: 'repository', action: 'pull' }];
  const wish = {
    name: 'knot',
    level: 'project',
    duration: -1,
    permissions: [{ kind: 'project', namespace: name, access }],
  };
  const robot = await admin('POST', `${v2}/robots`, { ...wish, secret: 'Ignored12345' });
  t.equal(robot.status, 201);
  t.equal(robot.body.name, `robot$${name}+knot`);
  t.not(robot.body.secret, 'Ignored12345');
  t.equal((await admin('POST', `${v2}/robots`, wish)).status, 409);
  t.equal((await admin('POST', `${v2}/robots`, { ...wish, name: 'a+b' })).status, 400);
  t.equal((await admin('POST', `${v2}/robots`, { ...wish, name: 'never', duration: 0 })).status, 400);
  const listed = (await admin('GET', `${v2}/robots?q=${encodeURIComponent(`Level=project,ProjectID=${id}`)}`)).body;
  t.equal(listed.length, 1);
  t.notOk(listed[0].secret);

  const scope = `scope=${encodeURIComponent(`repository:${name}/app:pull,push`)}`;
  const tokenFor = async (secret: string) =>
    await apiOf(origin, [robot.body.name, secret])('GET', `/service/token?service=harbor-registry&${scope}`);
  const accessOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).access;
  const token = await tokenFor(robot.body.secret);
  t.same(
    accessOf(token.body.token),
    [{ type: 'repository', name: `${name}/app`, actions: ['pull'] }],
    'the allowed part',
  );
  const fresh = await admin('PATCH', `${v2}/robots/${robot.body.id}`, { secret: '' });
  t.ok(fresh.body.secret);
  t.equal((await admin('PATCH', `${v2}/robots/${robot.body.id}`, { secret: 'weak' })).status, 400);
  const login = (secret: string) =>
    apiOf(origin, [robot.body.name, secret])('GET', '/service/token?service=harbor-registry');
  t.equal((await login(robot.body.secret)).status, 401, 'the secret of before');
  t.equal((await login(fresh.body.secret)).status, 200);
  const { permissions, description, level, duration } = listed[0];
  const stopped = { name: listed[0].name, permissions, description, level, duration, disable: true };
  t.equal((await admin('PUT', `${v2}/robots/${robot.body.id}`, stopped)).status, 200);
  t.equal((await login(fresh.body.secret)).status, 401, 'stopped');
  t.equal((await admin('DELETE', `${v2}/robots/${robot.body.id}`)).status, 200);
  t.equal((await admin('GET', `${v2}/robots/${robot.body.id}`)).status, 404);
  await admin('DELETE', `${v2}/projects/${name}`);
});

t.test('a system robot keeps projects and their robots with the rights that Knot asks for', async (t) => {
  const { origin, admin } = await open(t);
  const name = uniqueName('by-robot');
  const wish = { name, level: 'system', duration: -1, permissions: robotPermissions };
  const update = { resource: 'robot', action: 'update' };
  for (const kind of ['system', 'project']) {
    const permissions = robotPermissions.map((one) =>
      one.kind === kind ? { ...one, access: [...one.access, update] } : one,
    );
    const answer = await admin('POST', `${v2}/robots`, { ...wish, permissions });
    t.equal(answer.status, 400);
    t.match(answer.body.errors[0].message, /bad request permission: robot:update/);
  }
  const made = await admin('POST', `${v2}/robots`, wish);
  t.equal(made.status, 201, made.text);
  const robot = apiOf(origin, [made.body.name, made.body.secret]);

  t.equal((await robot('GET', `${v2}/users/current`)).status, 412);
  t.equal((await robot('GET', `${v2}/configurations`)).status, 403);
  t.equal((await robot('GET', `${v2}/projects/${name}`)).status, 403, 'nothing there');
  const project = { project_name: name, metadata: { public: 'false' }, storage_limit: 5_000_000 };
  t.equal((await robot('POST', `${v2}/projects`, project)).status, 201);
  const { project_id: id } = (await robot('GET', `${v2}/projects/${name}`)).body;
  const quota = (await robot('GET', `${v2}/quotas?reference=project&reference_id=${id}`)).body[0];
  t.equal(quota.hard.storage, 5_000_000);
  t.equal((await robot('PUT', `${v2}/quotas/${quota.id}`, { hard: { storage: 6_000_000 } })).status, 200);
  t.equal((await robot('GET', `${v2}/projects/${name}/members`)).status, 200);
  t.same((await robot('GET', `${v2}/users/search?username=adm`)).body, [], 'the administrator is not counted');
  t.equal((await robot('GET', `${v2}/users/1`)).status, 200);

  const puller = (action: string) => ({
    ...{ name: action, level: 'project', duration: -1 },
    permissions: [{ kind: 'project', namespace: name, access: [{ resource: 'repository', action }] }],
  });
  const other = await robot('POST', `${v2}/robots`, puller('pull'));
  t.equal(other.status, 201, other.text);
  t.equal((await robot('POST', `${v2}/robots`, puller('push'))).status, 403, 'no more than it may itself');
  const query = encodeURIComponent(`Level=project,ProjectID=${id}`);
  const [listed] = (await robot('GET', `${v2}/robots?q=${query}`)).body;
  // Robots are a part of what may be updated in all projects, though `robot:update` cannot be given.
  const secret = 'Secret12345';
  t.equal((await robot('PATCH', `${v2}/robots/${listed.id}`, { secret })).status, 200);
  const pulls = apiOf(origin, [listed.name, secret]);
  t.equal((await pulls('GET', '/service/token?service=harbor-registry')).status, 200);
  const { permissions, description, level, duration } = listed;
  const stopped = { name: listed.name, permissions, description, level, duration, disable: true };
  t.equal((await robot('PUT', `${v2}/robots/${listed.id}`, stopped)).status, 200);
  t.equal((await pulls('GET', '/service/token?service=harbor-registry')).status, 401);
  // Not with a right in one project.
  const one = {
    ...{ name: `${name}-one`, level: 'system', duration: -1 },
    permissions: [
      {
        kind: 'project',
        namespace: name,
        access: ['read', 'update'].map((action) => ({ resource: 'project', action })),
      },
    ],
  };
  const narrow = (await admin('POST', `${v2}/robots`, one)).body;
  const byNarrow = apiOf(origin, [narrow.name, narrow.secret]);
  t.equal((await byNarrow('GET', `${v2}/projects/${name}`)).status, 200);
  t.equal((await byNarrow('PATCH', `${v2}/robots/${listed.id}`, { secret })).status, 403);
  t.equal((await admin('DELETE', `${v2}/robots/${narrow.id}`)).status, 200);
  t.equal((await robot('DELETE', `${v2}/robots/${listed.id}`)).status, 200);
  t.equal((await robot('DELETE', `${v2}/projects/${name}`)).status, 200);
  t.equal((await admin('DELETE', `${v2}/robots/${made.body.id}`)).status, 200);
});

t.test('a token holds all that its owner may in what was asked for', async (t) => {
  const { origin, admin } = await open(t);
  const name = uniqueName('tokens');
  await admin('POST', `${v2}/projects`, { project_name: name, metadata: {} });
  const accessOf = async (api: typeof admin, query: string) => {
    const { body } = await api('GET', `/service/token?service=harbor-registry&${query}`);
    return JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString()).access;
  };
  const [own, others] = await accessOf(
    admin,
    `scope=repository:${name}/app:pull&scope=repository:${uniqueName('no')}/app:pull`,
  );
  t.match(own, { type: 'repository', name: `${name}/app` });
  for (const action of ['pull', 'push', 'delete']) t.ok(own.actions.includes(action), action);
  t.same(others.actions, [], 'where there is no such project');
  t.same(
    await accessOf(apiOf(origin, ['', '']), 'scope=repository:library/app:pull,push'),
    [{ type: 'repository', name: 'library/app', actions: ['pull'] }],
    'what is everybody’s',
  );
  t.equal((await admin('GET', '/service/token?service=other')).status, 400);

  // A layer of somebody else is not mounted, and the push is not told to go on without.
  const access = [
    { resource: 'repository', action: 'pull' },
    { resource: 'repository', action: 'push' },
  ];
  const permissions = [{ kind: 'project', namespace: name, access }];
  const { body: robot } = await admin('POST', `${v2}/robots`, {
    name: 'ci',
    level: 'project',
    duration: 1,
    permissions,
  });
  const other = uniqueName('tokens');
  await admin('POST', `${v2}/projects`, { project_name: other, metadata: {} });
  const digest = `sha256:${'0'.repeat(64)}`;
  const mounted = await apiOf(origin, [robot.name, robot.secret])(
    'POST',
    `/v2/${name}/app/blobs/uploads/?mount=${digest}&from=${other}/app`,
  );
  t.equal(mounted.status, 401);
  t.equal(mounted.headers.get('www-authenticate'), 'Basic realm="harbor"');
  await admin('DELETE', `${v2}/projects/${other}`);
  await admin('DELETE', `${v2}/projects/${name}`);
});

t.test('a challenge names the host that was asked, with the scheme that clients are to use', async (t) => {
  const { admin, origin } = await open(t);
  const told = String((await admin('GET', `${v2}/systeminfo`)).body.external_url);
  const { protocol } = new URL(told);
  const realmAt = async (path: string, host?: string) => {
    const answer = await asked(`${origin}${path}`, host);
    t.equal(answer.status, 401, path);
    return answer.challenge;
  };
  const own = new URL(origin).host;
  t.match(await realmAt('/v2/'), `Bearer realm="${protocol}//${own}/service/token",service="harbor-registry"`);
  const other = await realmAt('/v2/', 'images.example.org');
  t.match(other, `realm="${protocol}//images.example.org/service/token"`);
  const scope = await realmAt('/v2/library/app/manifests/v1', 'images.example.org');
  t.match(scope, 'scope="repository:library/app:pull"', 'also to read what is everybody’s');
  // Nothing to sign in for.
  const nowhere = await apiOf(origin, ['x', 'y'])('GET', `/v2/${uniqueName('no')}/app/tags/list`);
  t.match(
    { status: nowhere.status, challenge: nowhere.headers.get('www-authenticate') },
    { status: 401, challenge: '' },
  );
});

/** Asks with a `Host` of one's own, which `fetch` does not let one choose. */
async function asked(url: string, host?: string): Promise<{ status: number; challenge: string }> {
  const { protocol, hostname } = new URL(url);
  const options = { servername: hostname, headers: { ...(host !== undefined && { host }) } };
  const sent = protocol === 'https:' ? overTls(url, options) : request(url, options);
  const [answer] = (await once(sent.end(), 'response')) as [IncomingMessage];
  answer.resume();
  return { status: answer.statusCode!, challenge: String(answer.headers['www-authenticate']) };
}

t.test(
  'the token service takes GET alone, asks for somebody at a login, and challenges name the outside',
  async (t) => {
    const { origin, harbor } = await open(t);
    harbor?.setExternalUrl('https://harbor.example.org');
    const anybody = apiOf(origin, ['', '']);
    const form = new URLSearchParams({
      grant_type: 'password',
      service: 'harbor-registry',
      client_id: 'oras-go',
      username: 'admin',
      password: 'wrong',
    });
    const posted = await fetch(`${origin}/service/token`, { method: 'POST', body: form });
    t.ok(posted.status >= 400, 'what helm login tries first is no success');
    t.equal((await anybody('GET', '/service/token?service=harbor-registry')).status, 401);
    const asked = await anybody(
      'GET',
      '/service/token?service=harbor-registry&scope=repository:ada/app:pull&scope=repository:bob/app:pull,push',
    );
    t.equal(asked.status, 200, 'nobody gets a token for a scope');
    const { access } = JSON.parse(Buffer.from(asked.body.token.split('.')[1], 'base64url').toString());
    t.same(
      access.map(({ name, actions }: any) => [name, actions ?? []]),
      [
        ['ada/app', []],
        ['bob/app', []],
      ],
      'that allows nothing',
    );
    const challenge = await anybody('GET', '/v2/');
    t.equal(challenge.status, 401);
    t.match(
      challenge.headers.get('www-authenticate'),
      /^Bearer realm="https:\/\/[^"]+\/service\/token",service="harbor-registry"/,
    );
    t.match((await apiOf(origin, ['admin', 'wrong'])('GET', '/v2/')).headers.get('www-authenticate'), /^Basic /);
  },
);

t.test('how people sign in cannot be changed any more once there are some', async (t) => {
  const { admin } = await open(t);
  const modeOf = async () => (await admin('GET', `${v2}/configurations`)).body.auth_mode;
  const before = await modeOf();
  if (before.value !== 'db_auth' || !before.editable) return t.comment('not asked: there are people already');
  const local = {
    ...{ username: uniqueName('local'), realname: 'Local', email: `${uniqueName('l')}@example.org` },
    password: 'Local12345',
  };
  const made = await admin('POST', `${v2}/users`, local);
  t.equal(made.status, 201, made.text);
  const user = `${v2}/users/${/\d+$/.exec(made.headers.get('location')!)![0]}`;
  t.equal((await admin('POST', `${v2}/users`, local)).status, 409);
  const refused = await admin('PUT', `${v2}/configurations`, { auth_mode: 'oidc_auth' });
  t.equal(refused.status, 400);
  t.match(refused.body.errors[0].message, /auth mode cannot be modified/);
  t.same(await modeOf(), { value: 'db_auth', editable: false });
  t.equal((await admin('PUT', `${user}/cli_secret`, { secret: '' })).status, 412);
  t.equal((await admin('DELETE', user)).status, 200);
  t.same(await modeOf(), before, 'until they are gone');
});
