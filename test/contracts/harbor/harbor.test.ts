/**
 * What Knot relies on of Harbor. Runs against the contract server, and against a real one as its administrator with
 * `KNOT_REAL_HARBOR=https://admin:PASSWORD@HOST node test/contracts/harbor/harbor.test.ts`: an installation for tests only, because
 * projects and robots are made and removed.
 */
/* eslint-disable @typescript-eslint/no-explicit-any -- answers are read as they come */
import t from 'tap';
import { apiOf, isNamed, needsOwn, open, uniqueName, v2 } from './opened.ts';

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
  for (const name of names) t.equal((await admin('DELETE', `${v2}/projects/${name}`)).status, 200);
});

t.test('a group that nobody has yet becomes a member; nobody becomes one twice', async (t) => {
  const { admin, harbor } = await open(t);
  if (harbor) harbor.state.settings.auth_mode = 'oidc_auth';
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
  t.ok([400, 404].includes(unknown.status), 'people cannot be added by a name that nobody has');
  const members = (await admin('GET', `${v2}/projects/${name}/members?entityname=knot:user:`)).body;
  t.match(members, [{ entity_name: `knot:user:${name}`, entity_type: 'g', role_id: 2 }]);
  const member = `${v2}/projects/${name}/members/${members[0].id}`;
  t.equal((await admin('PUT', member, { role_id: 4 })).status, 200);
  t.equal((await admin('DELETE', member)).status, 200);
  await admin('DELETE', `${v2}/projects/${name}`);
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

t.test('how people sign in cannot be changed any more once there are some', { skip: needsOwn }, async (t) => {
  const { admin } = await open(t);
  const modeOf = async () => (await admin('GET', `${v2}/configurations`)).body.auth_mode;
  t.same(await modeOf(), { value: 'db_auth', editable: true });
  t.equal(
    (await admin('POST', `${v2}/users`, { username: 'local', email: 'l@example.org', password: 'Local12345' })).status,
    201,
  );
  const refused = await admin('PUT', `${v2}/configurations`, { auth_mode: 'oidc_auth' });
  t.equal(refused.status, 400);
  t.match(refused.body.errors[0].message, /auth mode cannot be modified/);
  t.same(await modeOf(), { value: 'db_auth', editable: false });
  t.equal((await admin('PUT', `${v2}/users/2/cli_secret`, { secret: '' })).status, 412);
});
