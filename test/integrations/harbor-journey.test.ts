/** Images as a person has them: Knot's own provider, the contract server of Harbor, a real registry behind it, and real clients in front. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { createHarbor } from '../../gateway/integrations/index.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { parseUpstream } from '../../gateway/routes/index.ts';
import { clusterPrograms } from '../cluster/build.ts';
import { registryMissing, startHarbor } from '../contracts/harbor/harbor.ts';
import { writeImage } from '../contracts/image.ts';
import { run, skopeoMissing } from '../contracts/tools.ts';
import { eventually } from '../support/eventually.ts';
import { startCuttingProxy } from '../support/net/cutting-proxy.ts';
import { openPeople, password } from '../support/process/people.ts';
import { caOf } from '../support/process/gateway.ts';
import { becomes, launch } from '../support/process/services.ts';
import { programTemplate } from '../support/process/templates.ts';

const missing = registryMissing() ?? skopeoMissing();
if (missing !== undefined) {
  t.pass(missing, { skip: missing });
  process.exit();
}

const server = await startHarbor();
const home = mkdtempSync(join(tmpdir(), 'knot-images-'));
const admin = join(home, 'admin');
writeFileSync(admin, server.adminPassword);
/** Leads every name to this machine, as their DNS would. */
const line = await startCuttingProxy();
t.teardown(async () => {
  await server.stop();
  await line.close();
  rmSync(home, { recursive: true, force: true });
});
const { gateway, ann, person, stranger } = await openPeople(t, {
  others: ['bob', 'carl'],
  config: {
    integrations: {
      jupyterhub: { mode: 'off' },
      harbor: { upstream: server.origin, admin: { fromFile: admin } },
    },
  },
});
const outside = `https://harbor.localhost:${gateway.port}`;
const host = `harbor.localhost:${gateway.port}`;
server.setExternalUrl(outside);
server.trust(caOf(gateway));
const certificates = join(home, 'certs');
mkdirSync(certificates);
copyFileSync(gateway.caFile, join(certificates, 'ca.crt'));
const environment = { HTTPS_PROXY: line.address };
const { state } = server;

const skopeo = (...words: string[]) => run(['skopeo', ...words], { home, environment });
const to = ['--dest-cert-dir', certificates];
const from = ['--src-cert-dir', certificates];
const secretOf = async (name: string, rotate = false): Promise<string> => {
  const answer = await (await person(name)).api('POST', '/images/cli-secret', { rotate });
  if (answer.status !== 200) throw new Error(`no secret: ${answer.status}`);
  return answer.json<{ secret: string }>().secret;
};

t.test('Harbor is set up, and whoever opens it is in, as themselves', async (t) => {
  await eventually('sign-in', () => state.settings.auth_mode === 'oidc_auth');
  await eventually('projects', () =>
    ['ann', 'bob', 'carl'].every((name) => state.projects.some((one) => one.name === name)),
  );
  const bob = await person('bob');
  const before = await bob.api('POST', '/images/cli-secret', {});
  t.equal(before.status, 409);
  t.match(before.json(), { code: 'KNOT_INTEGRATIONS_HARBOR_NEVER_OPENED' });
  for (const name of ['bob', 'carl']) {
    const page = await (await person(name)).visit(`${outside}/c/oidc/login?redirect_url=/harbor/projects`);
    t.equal(page.url, `${outside}/harbor/projects`);
    t.match(page.text, `<p id="user">${name}`);
  }
  const projects = await bob.request('GET', `${outside}/api/v2.0/projects?page_size=100`);
  t.same(
    projects.json<{ name: string }[]>().map(({ name }) => name),
    ['library', 'bob'],
    'their own and what is everybody’s',
  );
  t.equal((await ann.visit(`${outside}/c/oidc/login`)).status, 200);
  t.ok(state.users.find(({ username }) => username === 'ann')!.adminByGroup, 'an administrator of Knot is one there');
});

t.test('nobody gets to its pages and its API without a sign-in at Knot', async (t) => {
  const unknown = stranger();
  const basic = `Basic ${Buffer.from(`admin:${server.adminPassword}`).toString('base64')}`;
  server.asked.length = 0;
  t.equal(
    (await unknown.request('GET', `${outside}/api/v2.0/users/current`, { headers: { authorization: basic } })).status,
    401,
  );
  t.notOk(server.asked.some((one) => one.includes('/users/current')));
  for (const path of [
    '/v2%2F..%2Fapi/v2.0/users',
    '/v2/../api/v2.0/users/current',
    '/v2/%2e%2e/api/v2.0/users/current',
  ]) {
    server.asked.length = 0;
    const answer = await unknown.request('GET', `${outside}${path}`, { headers: { authorization: basic } });
    t.ok(answer.status >= 400, path);
    t.notOk(
      server.asked.some((one) => one.includes('/api/v2.0/users')),
      path,
    );
  }
});

t.test('in one browser nobody goes on as who was there before', async (t) => {
  const browser = stranger();
  const name = async (): Promise<string | undefined> =>
    /<p id="user">([a-z]*)/.exec((await browser.visit(`${outside}/`)).text)?.[1];
  await browser.signIn('bob', password);
  await browser.visit(`${outside}/c/oidc/login`);
  t.equal(await name(), 'bob');
  await browser.fill(await browser.visit('/logout'), {});
  t.not(await name(), 'bob', 'signed out, though the cookie of Harbor is still there');
  await browser.signIn('carl', password);
  t.equal(await name(), '', 'nobody yet');
  await browser.visit(`${outside}/c/oidc/login`);
  t.equal(await name(), 'carl');
});

t.test('programs push and pull with the secret that Knot shows', async (t) => {
  const secret = await secretOf('bob');
  const login = await skopeo('login', '--cert-dir', certificates, '--username', 'bob', '--password', secret, host);
  t.equal(login.status, 0, login.output);
  writeImage(join(home, 'image'), { bytes: 300_000 });
  const startedAt = Date.now();
  const pushed = await skopeo(
    'copy',
    ...to,
    '--dest-creds',
    `bob:${secret}`,
    `oci:${home}/image:v1`,
    `docker://${host}/bob/deep/app:v1`,
  );
  t.equal(pushed.status, 0, pushed.output);
  const pull = (creds: string, folder: string) =>
    skopeo('copy', ...from, '--src-creds', creds, `docker://${host}/bob/deep/app:v1`, `oci:${home}/${folder}:v1`);
  t.equal((await pull(`bob:${secret}`, 'pulled')).status, 0);

  const refused = await pull(`carl:${await secretOf('carl')}`, 'stolen');
  t.not(refused.status, 0);
  t.match(refused.output, /denied|unauthorized/i, 'another person’s pull');
  t.not((await pull('bob:Wrong12345', 'stolen')).status, 0);

  const listed = await (await person('bob')).api('GET', '/images');
  t.match(listed.json(), {
    registry: host,
    isWhole: true,
    images: [{ owner: { kind: 'user', name: 'bob' }, name: 'bob/deep/app', kind: 'image', tags: ['v1'], versions: 1 }],
  });
  const [image] = listed.json<{ images: { size: number; pull: string; pushedAt: number; url: string }[] }>().images;
  t.ok(image!.size > 300_000);
  // One clock: the server is in this process, and says milliseconds.
  t.ok(image!.pushedAt >= startedAt && image!.pushedAt <= Date.now(), `${image!.pushedAt}, begun at ${startedAt}`);
  t.equal(
    image!.url,
    `${outside}/harbor/projects/${state.projects.find(({ name }) => name === 'bob')!.id}/repositories`,
  );
  t.equal(image!.pull, `docker pull ${host}/bob/deep/app:v1`);
  t.equal((await (await person('carl')).api('GET', '/images?owner=bob')).status, 404);
  t.same((await (await person('carl')).api('GET', '/images')).json()['images'], []);
  const path = `/api/v2.0/projects/bob/repositories/${encodeURIComponent(encodeURIComponent('deep/app'))}/artifacts`;
  const asked = await (await person('bob')).request('GET', `${outside}${path}`);
  t.equal(asked.status, 200, `encoded slashes arrive as they were sent: ${asked.text.slice(0, 200)}`);

  const other = await secretOf('bob', true);
  t.not(other, secret);
  t.not((await pull(`bob:${secret}`, 'old')).status, 0, 'the one of before');
  t.equal((await pull(`bob:${other}`, 'new')).status, 0);
  t.match((await ann.api('GET', '/audit')).text, /images\.secret\.rotated/);
});

t.test('what pods are given pulls the own images, and no others', async (t) => {
  const clientSecret = readFileSync(join(gateway.data, 'integrations', 'harbor', 'client-secret'), 'utf8').trim();
  const harbor = createHarbor({
    ...{ publicAddress: publicAddress({ domain: 'localhost' }, gateway.port), clientSecret: () => clientSecret },
    ...{ caFile: undefined, clock: systemClock, log: silentLog, config: { title: 'Images' } },
    upstream: parseUpstream(server.origin, { allowLoopback: true }),
    ...{ secrets: { admin: server.adminPassword } },
  });
  t.teardown(() => harbor.stop());
  const file = join(home, 'dockerconfig.json');
  const pull = (project: string) =>
    skopeo('copy', ...from, '--authfile', file, `docker://${host}/${project}/deep/app:v1`, `oci:${home}/by-robot:v1`);
  writeFileSync(file, harbor.registry!.pullConfigOf('bob'));
  const pulled = await pull('bob');
  t.equal(pulled.status, 0, pulled.output);
  writeFileSync(file, harbor.registry!.pullConfigOf('carl'));
  t.not((await pull('bob')).status, 0);

  // The same login among their files, where they ask for it; the command is the route's.
  const bob = await person('bob');
  t.match((await bob.api('PUT', '/images/docker-login')).json(), { state: 'written', registry: host });
  const written = await bob.api('GET', '/files/private/.docker/config.json');
  t.equal(written.status, 200, written.text);
  writeFileSync(file, written.text);
  const byFile = await pull('bob');
  t.equal(byFile.status, 0, byFile.output);
  t.match((await bob.api('DELETE', '/images/docker-login')).json(), { state: 'absent' });
  const audit = (await ann.api('GET', '/audit')).text;
  for (const action of ['images.login.written', 'images.login.removed']) t.ok(audit.includes(action), action);
});

t.test('helm signs in with the right secret alone, pushes and pulls', async (t) => {
  const programs = await clusterPrograms();
  if ('skip' in programs) return t.comment(programs.skip);
  const secret = await secretOf('bob');
  const helm = (words: string[], input?: string) =>
    run([...programs.helm, ...words], { home, environment, ...(input !== undefined && { input }) });
  const login = (password: string) =>
    helm(['registry', 'login', host, '--ca-file', gateway.caFile, '-u', 'bob', '--password-stdin'], password);
  t.not((await login('wrong')).status, 0, 'the POST that it tries first is no success');
  const right = await login(secret);
  t.equal(right.status, 0, right.output);
  await helm(['create', join(home, 'chart')]);
  await helm(['package', join(home, 'chart'), '-d', home]);
  const pushed = await helm(['push', join(home, 'chart-0.1.0.tgz'), `oci://${host}/bob`, '--ca-file', gateway.caFile]);
  t.equal(pushed.status, 0, pushed.output);
  const pulled = await helm([
    'pull',
    `oci://${host}/bob/chart`,
    '--ca-file',
    gateway.caFile,
    '-d',
    join(home, 'certs'),
  ]);
  t.equal(pulled.status, 0, pulled.output);
});

t.test('a chart that is pushed is a template for its owner and only for them, until it is taken away', async (t) => {
  const programs = await clusterPrograms();
  if ('skip' in programs) return t.comment(programs.skip);
  const folder = programTemplate(t, {
    name: 'greeter',
    description: 'Greets.',
    values: 'greeting: hello\n',
    program:
      "import { createServer } from 'node:http';\ncreateServer((_request, response) => response.end('from a chart')).listen(process.argv[2]);\n",
  });
  const helm = (...words: string[]) => run([...programs.helm, ...words], { home, environment });
  const push = async (project: string, version: string) => {
    await helm('package', join(folder, 'greeter'), '--version', version, '-d', home);
    const words = [
      'push',
      join(home, `greeter-${version}.tgz`),
      `oci://${host}/${project}`,
      '--ca-file',
      gateway.caFile,
    ];
    return await helm(...words);
  };
  await helm('registry', 'login', host, '--ca-file', gateway.caFile, '-u', 'ann', '-p', await secretOf('ann'));
  const pushed = await push('ann', '1.0.0');
  t.equal(pushed.status, 0, pushed.output);
  type Listed = { id: string; version: string; versions: string[]; isUsable: boolean; problems: unknown[] };
  const listed = async (who: string) =>
    (await (await person(who)).api('GET', '/templates'))
      .json<{ templates: Listed[] }>()
      .templates.find(({ id }) => id === 'user:ann@registry/greeter');
  const found = await eventually('listed', () => listed('ann'));
  t.match(found, {
    ...{ version: '1.0.0', versions: ['1.0.0'], isUsable: true, problems: [], origin: 'user', owner: 'ann' },
    source: `oci://${host}/ann/greeter`,
  });
  t.equal(await listed('bob'), undefined, 'nobody else');
  t.equal((await (await person('bob')).api('GET', '/templates/user:ann@registry/greeter')).status, 404);

  const wanted = { template: 'user:ann@registry/greeter', name: 'greeter', values: {} };
  const { id, url } = await launch(ann, wanted);
  await becomes(ann, id, 'ready');
  t.match(await ann.visit(url), { status: 200, text: 'from a chart' });

  t.equal((await push('ann', '1.1.0')).status, 0);
  await eventually('the newer one', async () => (await listed('ann'))?.version === '1.1.0');
  t.match((await ann.api('GET', '/templates/user:ann@registry/greeter@1.0.0')).json(), {
    ...{ id: 'user:ann@registry/greeter@1.0.0', version: '1.0.0', versions: ['1.1.0', '1.0.0'] },
  });
  t.match((await ann.api('GET', `/services/${id}`)).json(), { newerVersion: '1.1.0' });

  // Taken away: out of the catalogue, while what runs of it goes on, and is started anew from what was kept.
  state.artifacts = state.artifacts.filter(({ repository }) => repository !== 'ann/greeter');
  await eventually('gone', async () => (await listed('ann')) === undefined);
  t.match(await ann.visit(url), { status: 200, text: 'from a chart' });
  for (const act of ['stop', 'start']) {
    const answer = await ann.api('POST', `/services/${id}/${act}`, {});
    t.ok(answer.status < 300, answer.text);
    const state = act === 'stop' ? 'stopped' : 'ready';
    await eventually(
      state,
      async () => (await ann.api('GET', `/services/${id}`)).json<{ state: string }>().state === state,
    );
  }
  t.match(await ann.visit(url), { status: 200, text: 'from a chart' });
});

t.test('whoever is disabled is out within two seconds, whatever their programs still have', async (t) => {
  const secret = await secretOf('carl');
  const { id } = (await (await person('carl')).api('GET', '/me')).json<{ user: { id: string } }>().user;
  const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
  const unknown = stranger();
  const tokenOf = async (name: string, password: string) => {
    const scope = 'scope=repository:carl/app:pull,push';
    const headers = { authorization: basic(name, password) };
    return await unknown.request('GET', `${outside}/service/token?service=harbor-registry&${scope}`, { headers });
  };
  const carl = await person('carl');
  t.match((await carl.api('PUT', '/images/docker-login')).json(), { state: 'written' });
  const written = (await carl.api('GET', '/files/private/.docker/config.json')).text;
  const { auth } = (JSON.parse(written) as { auths: Record<string, { auth: string }> }).auths[host]!;
  const [robot, robotsSecret] = Buffer.from(auth, 'base64').toString().split(':') as [string, string];
  t.match(robot, /\+knot-[01]$/);
  const { token } = (await tokenOf('carl', secret)).json<{ token: string }>();
  const { token: robotsToken } = (await tokenOf(robot, robotsSecret)).json<{ token: string }>();
  const tags = async (shown: string) =>
    (
      await unknown.request('GET', `${outside}/v2/carl/app/tags/list`, {
        headers: { authorization: `Bearer ${shown}` },
      })
    ).status;
  for (const shown of [token, robotsToken]) t.equal(await tags(shown), 404, 'let in, and there is nothing');

  // A layer that takes its time.
  writeImage(join(home, 'large'), { bytes: 30_000_000 });
  const { limit } = line;
  limit(2_000_000);
  const copying = skopeo(
    'copy',
    ...to,
    '--dest-creds',
    `carl:${secret}`,
    `oci:${home}/large:v1`,
    `docker://${host}/carl/app:v1`,
  );
  await eventually('a layer is under way', async () =>
    server.asked.some((one) => /^PATCH \/v2\/carl\/app\/blobs/.test(one)),
  );
  // Long requests are found by a look twice a second.
  await eventually('registered', async () =>
    /knot_live_streams[^\n]* [1-9]/.test(await (await fetch(`${gateway.ops}/metrics`)).text()),
  );
  const at = performance.now();
  t.equal((await ann.api('PATCH', `/users/${id}`, { state: 'disabled' })).status, 200);
  await eventually('login', async () => (await tokenOf('carl', secret)).status === 401);
  await eventually('a token from before', async () => (await tags(token)) === 401);
  await gateway.line(/stream closed: no longer allowed/);
  t.comment(`cut ${Math.round(performance.now() - at)} ms after the question to disable them`);
  limit(undefined);
  t.not((await copying).status, 0);
  await eventually('robots', () =>
    state.robots.filter(({ name }) => name.includes('$carl+')).every(({ isDisabled }) => isDisabled),
  );
  server.asked.length = 0;
  t.equal((await tokenOf(robot, robotsSecret)).status, 401);
  t.equal(await tags(robotsToken), 401, 'what a robot of theirs was given before');
  await tokenOf('carl', secret);
  t.same(server.asked, [], 'Harbor is not even asked');
  t.equal((await tokenOf('bob', await secretOf('bob'))).status, 200, 'others go on');
});

t.test('a tool that is away is told in plain words, and comes back', async (t) => {
  server.meddle = (_request, response) => {
    response.destroy();
    return true;
  };
  const bob = await person('bob');
  const answer = await eventually('what is kept is over', async () => {
    const found = await bob.api('GET', '/images');
    return found.status !== 200 && found;
  });
  t.match(answer.json(), { code: 'KNOT_INTEGRATIONS_TOOL_AWAY', message: /Harbor cannot be reached/ });
  t.notMatch(answer.text, server.origin);
  server.meddle = undefined;
  await eventually('and back', async () => (await bob.api('GET', '/images')).status === 200);
});
