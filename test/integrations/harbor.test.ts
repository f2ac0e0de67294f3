/** What Knot brings about in Harbor, on the contract server (`test/contracts/harbor`). */
import t, { type Test } from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { robotPermissions } from '../../gateway/integrations/harbor/robot-rights.ts';
import { createHarbor, type HarborOptions, type ToolOwner } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { startHarbor } from '../contracts/harbor/harbor.ts';
import { apiOf, v2 } from '../contracts/harbor/opened.ts';
import { eventually } from '../support/eventually.ts';

const address = publicAddress({ domain: 'knot.test' }, 443);
const upstreamOf = (origin: string) => parseUpstream(origin, { allowLoopback: true });
const dayMs = 24 * 3600 * 1000;

async function open(t: Test, changes: Partial<HarborOptions> = {}, start = Date.now()) {
  const server = await startHarbor({ withRegistry: false });
  t.teardown(server.stop);
  server.setExternalUrl('https://harbor.knot.test');
  let now = start;
  const harbor = createHarbor({
    publicAddress: address,
    clientSecret: (_name, configured) => configured ?? 'client-secret-0123456789',
    caFile: undefined,
    clock: { ...systemClock, now: () => now },
    log: silentLog,
    config: { title: 'Images' },
    upstream: upstreamOf(server.origin),
    secrets: { admin: server.adminPassword },
    ...changes,
  });
  t.teardown(() => harbor.stop());
  const { state } = server;
  const projectOf = (name: string) => state.projects.find((project) => project.name === name);
  const membersOf = (name: string) =>
    projectOf(name)!
      .members.flatMap((member) =>
        'groupId' in member ? [`${state.groups.find(({ id }) => id === member.groupId)!.name} ${member.roleId}`] : [],
      )
      .sort();
  const robotsOf = (name: string) => state.robots.filter(({ projectId }) => projectId === projectOf(name)?.id);
  return { server, state, harbor, projectOf, membersOf, robotsOf, later: (ms: number) => void (now += ms) };
}

const ada: ToolOwner = { kind: 'user', id: 'id-ada', name: 'ada', title: 'ada', isPaused: false, storage: 1_000_000 };
const physics: ToolOwner = {
  ...{ kind: 'team', id: 'id-physics', name: 'physics', title: 'Physics', isPaused: false },
  ...{ members: ['ada', 'bob'], managers: ['bob'] },
};

t.test('people sign in with Knot from the first start on, and a change by hand is set back', async (t) => {
  const { state, harbor } = await open(t);
  harbor.start();
  await eventually('set up', () => state.settings.auth_mode === 'oidc_auth');
  t.match(state.settings, {
    oidc_endpoint: 'https://knot.test/oidc',
    oidc_client_id: 'harbor',
    oidc_client_secret: 'client-secret-0123456789',
    oidc_verify_cert: true,
    oidc_auto_onboard: true,
    project_creation_restriction: 'adminonly',
  });
  state.settings['oidc_groups_claim'] = 'others';
  const [before] = (await harbor.check!()).filter(({ name }) => name === 'sign-in');
  t.match(before, { status: 'warning', message: /oidc_groups_claim/ });
});

t.test('the one-way trap is explained and not stepped into', async (t) => {
  const { state, harbor } = await open(t);
  state.users.push({ ...state.users[0]!, id: 5, username: 'local', email: 'l@x.org', isAdmin: false });
  harbor.start();
  const part = await eventually('told', () => harbor.health().find(({ name }) => name === 'harbor:sign-in'));
  t.match(part, { status: 'failed', message: /people of its own/, remedy: /Remove the people/ });
  t.equal(state.settings.auth_mode, 'db_auth');
  t.equal(state.settings['oidc_endpoint'], '', 'nothing of the rest was touched');
  t.match(
    (await harbor.check!()).find(({ name }) => name === 'sign-in'),
    { status: 'failed', remedy: /Remove the people/ },
  );
  t.match(harbor.settings(), /can be changed only while Harbor has nobody but its administrator/);
});

t.test('a person has a private project with the quota of their plan, however often it is looked at', async (t) => {
  const { server, state, harbor, projectOf, membersOf, robotsOf } = await open(t);
  await harbor.provide!(ada);
  t.match(projectOf('ada'), { isPublic: false, storageLimit: 1_000_000 });
  t.same(membersOf('ada'), ['knot:user:ada 4'], 'no administrator of it: what they gave away would outlive Knot');
  const made = structuredClone({ projects: state.projects, robots: state.robots });
  server.asked.length = 0;
  await harbor.provide!(ada);
  t.same({ projects: state.projects, robots: state.robots }, made);
  t.notOk(
    server.asked.some((line) => /^(PUT|PATCH|DELETE)/.test(line)),
    'nothing is changed that is as it should be',
  );
  await harbor.provide!({ ...ada, storage: undefined });
  t.equal(projectOf('ada')!.storageLimit, -1);

  // What was changed by hand.
  projectOf('ada')!.isPublic = true;
  projectOf('ada')!.members = [];
  state.robots = [];
  await harbor.provide!(ada);
  t.equal(projectOf('ada')!.isPublic, false);
  t.same(membersOf('ada'), ['knot:user:ada 4']);
  t.equal(robotsOf('ada').length, 1);
  state.projects = state.projects.filter(({ name }) => name !== 'ada');
  state.robots = [];
  await harbor.provide!(ada);
  t.ok(projectOf('ada'), 'a project that was deleted is made again');
  t.equal(robotsOf('ada').length, 1);
});

t.test('a team’s project follows its members and managers', async (t) => {
  const { state, harbor, projectOf, membersOf } = await open(t);
  await harbor.provide!(physics);
  t.same(membersOf('physics'), ['knot:team:physics 2', 'knot:user:bob 4']);
  // Somebody whom an administrator let in by hand stays.
  const { members } = projectOf('physics')!;
  state.users.push({ ...state.users[0]!, id: 9, username: 'guest', email: 'g@x.org' });
  members.push({ id: 901, roleId: 3, userId: 9 });
  await harbor.provide!({ ...physics, managers: ['ada'] });
  t.same(membersOf('physics'), ['knot:team:physics 2', 'knot:user:ada 4']);
  t.ok(projectOf('physics')!.members.some((member) => 'userId' in member && member.userId === 9));
});

t.test('robots that pull take turns, are repaired, and stop with their owner', async (t) => {
  // The first day of a robot's turn: from the last one of it, a month reaches into the next turn but one, whose robot has the same name.
  const { state, harbor, robotsOf, later } = await open(t, {}, 30 * dayMs * 700);
  const configOf = () => JSON.parse(harbor.registry!.pullConfigOf('ada')).auths['harbor.knot.test'];
  const works = ({ username, password }: { username: string; password: string }) =>
    state.robots.some((robot) => robot.name === username && robot.secret === password && !robot.isDisabled);
  await harbor.provide!(ada);
  const first = configOf();
  t.ok(works(first));
  t.match(robotsOf('ada')[0], { level: 'project', expiresAt: -1 });
  t.same(robotsOf('ada')[0]!.permissions, [
    { kind: 'project', namespace: 'ada', access: [{ resource: 'repository', action: 'pull' }] },
  ]);
  t.equal(Buffer.from(first.auth, 'base64').toString(), `${first.username}:${first.password}`);

  robotsOf('ada')[0]!.secret = 'Changed12345';
  await harbor.provide!(ada);
  t.ok(works(configOf()), 'a secret that was changed by hand');

  // A month: the next robot is there a day before, and the one of before goes on.
  for (let day = 0; day < 31; day += 1) {
    later(dayMs);
    t.ok(works(configOf()) || day === 0, `day ${day}: what pods are given works before anybody looks`);
    await harbor.provide!(ada);
    t.ok(works(configOf()));
  }
  t.not(configOf().password, first.password);
  t.ok(works(first), 'what pods of the last month have');

  await harbor.provide!({ ...ada, isPaused: true });
  t.notOk(works(configOf()));
  t.notOk(works(first));
  await harbor.provide!(ada);
  t.ok(works(configOf()));
});

t.test('who is gone: nobody gets in, an empty project goes, images stay', async (t) => {
  const { state, harbor, projectOf, membersOf, robotsOf } = await open(t);
  await harbor.provide!(ada);
  await harbor.provide!(physics);
  state.artifacts.push({
    ...{ projectId: projectOf('physics')!.id, repository: 'physics/app', digest: 'sha256:1', size: 5, tags: ['v1'] },
    ...{ mediaType: '', configMediaType: '', pushedAt: new Date().toISOString() },
  });
  const user = { ...state.users[0]!, id: 6, username: 'ada', email: 'ada@x.org', isAdmin: false };
  const tokens = { accessToken: '', idToken: '', refreshToken: undefined, expiresAt: 0 };
  const oidcOf = (subject: string) => ({
    subjectAndIssuer: `${subject}https://knot.test/oidc`,
    secret: 'Secret12345',
    tokens,
  });
  state.settings.auth_mode = 'oidc_auth';
  state.users.push({ ...user, oidc: oidcOf('somebody-else') });
  await harbor.provide!({ ...ada, isPaused: true, isGone: true });
  t.equal(projectOf('ada'), undefined);
  t.ok(
    state.users.some(({ id }) => id === 6),
    'somebody else of that name stays',
  );
  state.users.at(-1)!.oidc = oidcOf('id-ada');
  await harbor.provide!({ ...ada, isPaused: true, isGone: true });
  t.notOk(state.users.some(({ id }) => id === 6));
  await harbor.provide!({ ...physics, isPaused: true, isGone: true });
  t.same(membersOf('physics'), []);
  t.ok(robotsOf('physics').every(({ isDisabled }) => isDisabled));
});

t.test('a project of that name that somebody else made is left alone', async (t) => {
  const { state, harbor, membersOf } = await open(t);
  state.users.push({ ...state.users[0]!, id: 7, username: 'eve', email: 'e@x.org', isAdmin: false });
  state.projects.push({
    ...{ id: 70, name: 'ada', isPublic: true, createdAt: '', owner: 'eve', storageLimit: -1 },
    members: [{ id: 71, roleId: 1, userId: 7 }],
  });
  await t.rejects(harbor.provide!(ada), { code: 'KNOT_INTEGRATIONS_HARBOR_TAKEN' });
  t.same(membersOf('ada'), []);
  await t.rejects(harbor.provide!({ ...ada, name: 'library' }), { code: 'KNOT_INTEGRATIONS_HARBOR_TAKEN' });
});

t.test('images are listed with size, tags and the time of the last push, whatever totals are told', async (t) => {
  const { server, state, harbor, projectOf } = await open(t);
  await harbor.provide!(ada);
  const projectId = projectOf('ada')!.id;
  const chart = 'application/vnd.cncf.helm.config.v1+json';
  for (let index = 0; index < 130; index += 1) {
    const pushedAt = new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString();
    state.artifacts.push({
      ...{ projectId, repository: `ada/deep/app${index}`, digest: `sha256:${index}`, size: 1000 + index, pushedAt },
      ...{ mediaType: '', configMediaType: index === 129 ? chart : '', tags: index % 2 ? [`v${index}`] : [] },
    });
  }
  const told = await harbor.registry!.imagesOf('ada');
  t.equal(told.images.length, 100);
  t.equal(told.isWhole, false);
  t.equal(told.limit, 1_000_000);
  t.ok(told.used > 130_000);
  const ofChart = told.images.find(({ name }) => name === 'ada/deep/app99');
  t.match(ofChart, { kind: 'image', tags: ['v99'], versions: 1 });
  t.same(await harbor.registry!.imagesOf('nobody'), { images: [], isWhole: true, used: 0, limit: null });

  // Each page says that there are a million, and is the same.
  state.artifacts = state.artifacts.slice(0, 3);
  server.meddle = (request, response) => {
    if (!request.url!.includes('/repositories?')) return false;
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-total-count': '1000000',
      link: '<x>; rel="next"',
    });
    response.end(JSON.stringify(Array.from({ length: 100 }, (_, index) => ({ name: `ada/deep/app${index % 3}` }))));
    return true;
  };
  server.asked.length = 0;
  const lying = await harbor.registry!.imagesOf('ada');
  t.equal(lying.images.length, 3);
  t.ok(server.asked.length < 12, 'and it ends');
});

t.test('what Harbor answers wrongly is said in plain words, without its address', async (t) => {
  const { server, harbor } = await open(t);
  const failing = async () =>
    await harbor.provide!(ada).then(
      () => undefined,
      (error: Error & { code: string }) => error,
    );
  const answers = (status: number, body: string, type = 'application/json') =>
    (server.meddle = (_request, response) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
      return true;
    });
  const cases = [
    [500, '{"errors":[{"code":"UNKNOWN","message":"pq: password of db at 10.0.0.3"}]}', 'KNOT_INTEGRATIONS_TOOL_AWAY'],
    [502, '<html>nginx', 'KNOT_INTEGRATIONS_TOOL_AWAY'],
    [401, '{"errors":[]}', 'KNOT_INTEGRATIONS_TOOL_FORBIDDEN'],
    [403, 'null', 'KNOT_INTEGRATIONS_TOOL_FORBIDDEN'],
    [422, '{"errors":[{"message":"bad\\u001b[31m name"}]}', 'KNOT_INTEGRATIONS_TOOL_REFUSED'],
    [302, '', 'KNOT_INTEGRATIONS_TOOL_REFUSED'],
    [201, '{"cut', 'KNOT_INTEGRATIONS_TOOL_AWAY'],
    [201, JSON.stringify('x'.repeat(5 * 1024 * 1024)), 'KNOT_INTEGRATIONS_TOOL_AWAY'],
  ] as const;
  for (const [status, body, code] of cases) {
    answers(status, body);
    const error = await failing();
    t.match(error, { code }, `${status} ${body.slice(0, 20)}`);
    t.notMatch(error!.message, /127\.0\.0\.1|10\.0\.0\.3/);
    t.notOk(error!.message.includes('\u001b'));
  }
  server.meddle = undefined;
  await harbor.provide!(ada);
});

t.test(
  'check finds an address that programs are told wrongly, a wrong password, and an issuer that is not reached',
  async (t) => {
    const { server, harbor } = await open(t);
    const address = async () => (await harbor.check!()).find(({ name }) => name === 'address');
    t.match(await address(), { status: 'ok' }, 'though Knot itself asks at another one');
    // The scheme goes to programs, all of it to the issuer.
    for (const wrong of ['http://harbor.knot.test', 'https://harbor.internal']) {
      server.setExternalUrl(wrong);
      t.match(await address(), { status: 'failed', remedy: /externalURL.*https:\/\/harbor\.knot\.test/ }, wrong);
    }
    const found = await harbor.check!();
    t.match(
      found.find(({ name }) => name === 'issuer'),
      { status: 'failed', message: /cannot reach Knot/ },
    );
    const wrong = await open(t, { secrets: { admin: 'wrong' } });
    t.match(
      (await wrong.harbor.check!()).find(({ name }) => name === 'login'),
      { status: 'failed', remedy: /of its administrator is right/ },
    );
  },
);

t.test('a system robot does what an administrator does for projects, and sign-in is pasted', async (t) => {
  const { server, state, harbor, membersOf } = await open(t);
  // As an operator pastes it, whoever makes it.
  const wish = /^\{"name":"knot".*\}$/m.exec(harbor.settings())![0];
  const admin = apiOf(server.origin, ['admin', server.adminPassword]);
  t.match((await admin('POST', `${v2}/robots`, JSON.parse(wish))).body, { name: 'robot$knot', secret: /./ });
  t.same(JSON.parse(wish).permissions, robotPermissions);
  state.settings.auth_mode = 'oidc_auth';
  // Of the installation's own choice; a robot may not ask what it is.
  state.settings.robot_name_prefix = 'bot_';
  state.robots.push({
    ...{ id: 500, name: 'bot_knot', level: 'system', projectId: undefined, description: '', secret: 'Robot12345' },
    ...{ duration: -1, expiresAt: -1, isDisabled: false, createdAt: '' },
    permissions: robotPermissions,
  });
  const robot = createHarbor({
    publicAddress: address,
    clientSecret: () => 'client-secret-0123456789',
    caFile: undefined,
    clock: systemClock,
    log: silentLog,
    config: { title: 'Images', robot: { name: 'bot_knot', secret: { fromEnv: 'X' } } },
    upstream: upstreamOf(server.origin),
    secrets: { robot: 'Robot12345' },
  });
  t.teardown(() => robot.stop());
  await robot.provide!(ada);
  t.same(membersOf('ada'), ['knot:user:ada 4']);
  const { username, password } = JSON.parse(robot.registry!.pullConfigOf('ada')).auths['harbor.knot.test'];
  t.ok(
    state.robots.some(({ name, secret }) => name === username && secret === password),
    `${username} is a robot that pulls`,
  );
  t.equal(robot.claimedBy!(`Basic ${Buffer.from(`${username}:x`).toString('base64')}`), 'ada');
  await robot.provide!(ada);
  t.equal(JSON.parse(robot.registry!.pullConfigOf('ada')).auths['harbor.knot.test'].username, username);
  t.same((await robot.registry!.imagesOf('ada')).limit, 1_000_000);
  const found = await robot.check!();
  t.match(
    found.find(({ name }) => name === 'sign-in'),
    { status: 'ok' },
  );
  await robot.provide!({ ...ada, isPaused: true, isGone: true });
  t.notOk(state.projects.some(({ name }) => name === 'ada'));

  const told = () => robot.health().find(({ name }) => name === 'harbor:sign-in');
  server.meddle = (_request, response) => {
    response.writeHead(502).end();
    return true;
  };
  robot.start();
  t.match(await eventually('told', told), { status: 'failed' });
  server.meddle = undefined;
  await eventually('taken back, since it could be set up', () => told() === undefined);
});
