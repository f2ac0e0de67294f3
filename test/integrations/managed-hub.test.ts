import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { readHostPattern, silentLog } from '../../gateway/lib/index.ts';
import { createOutbound, createOutboundDial, findSandbox } from '../../gateway/process/index.ts';
import { cachedVenv, createTestHub, hubBecomes, processFinder, readProcess, temporaryFolder } from './hub-fixture.ts';
import { connectTool } from '../../gateway/integrations/ask.ts';
import { checkHub, olderHub } from '../../gateway/integrations/jupyterhub/check.ts';
import { createHubApi } from '../../gateway/integrations/jupyterhub/hub-api.ts';
import { createVisitor } from './hub-visitor.ts';
import { startStubProvider } from './stub-provider.ts';
import { eventually } from '../support/eventually.ts';

t.test('a managed hub signs in, starts servers that see only their own, and leaves nothing behind', async (t) => {
  const folder = temporaryFolder();
  const provider = await startStubProvider(folder);
  const outbound = createOutbound({ dial: createOutboundDial(), log: silentLog });
  // Wherever the mirror of packages is here.
  const index = ['pypi.org', 'files.pythonhosted.org'].map((host) => readHostPattern(host)!);
  const asker = { hosts: [], internal: index, mayReach: async () => true };
  const { hub, close } = await createTestHub({
    folder,
    providerPort: provider.port,
    caFile: provider.caFile,
    venvFolder: cachedVenv,
    wayOut: (username, socket) => outbound.open({ socket, asker: { ...asker, about: { notebook: username } } }),
  });
  t.teardown(() => provider.close());
  let isClosed = false;
  t.teardown(() => (isClosed ? undefined : close()));

  const progress: number[] = [];
  hub.onChange(() => progress.push(hub.tile().progress ?? 1));
  hub.start();
  await hubBecomes(hub, 'ready');
  t.strictSame(
    progress,
    progress.toSorted((a, b) => a - b),
    'progress never goes back',
  );

  const port = hub.route.upstream.port;
  const ann = createVisitor({ port, origin: hub.url, username: 'ann' });
  const bob = createVisitor({ port, origin: hub.url, username: 'bob' });
  const isSandboxed = (await findSandbox()).isAvailable;

  await t.test('the hub answers and its files are for the gateway only', async (t) => {
    t.equal((await ann.send('/hub/health')).status, 200);
    for (const name of [
      'client-secret',
      'cookie-secret',
      'stop-token',
      'hub/jupyterhub_config.py',
      'hub/client-secret',
    ]) {
      t.equal(statSync(join(folder, 'jupyterhub', name)).mode & 0o077, 0, name);
    }
  });

  await t.test('a check reads what a real hub says of itself', async (t) => {
    const { ask, close: disconnect } = connectTool({
      ...{ name: 'jupyterhub', title: 'Notebooks', upstream: hub.route.upstream },
    });
    t.teardown(disconnect);
    const settings = {
      issuer: `https://localhost:${provider.port}/oidc`,
      ...{ clientId: 'jupyterhub', callback: hub.client!.redirectUris[0]! },
    };
    const token = readFileSync(join(folder, 'jupyterhub/stop-token'), 'utf8').trim();
    const check = async (changes: Partial<typeof settings>, shown: string) =>
      (await checkHub(ask, { settings: { ...settings, ...changes }, token: shown, now: Date.now })).map(
        ({ name, status }) => `${name} ${status}`,
      );
    // Its own hub Knot lets stop servers, and does not ask which run: it started them.
    t.strictSame(await check({}, token), ['answers ok', 'sign-in ok', 'servers warning']);
    t.strictSame(await check({ callback: 'https://elsewhere.example/back' }, 'of-nobody'), [
      ...['answers ok', 'sign-in failed', 'servers warning'],
    ]);
    t.equal(await olderHub(ask), undefined);
    const made = await ask<{ scopes: string[] }>('GET', '/hub/api/user', {
      headers: { authorization: `token ${token}` },
    });
    t.ok(made.body.scopes.includes('delete:servers'), 'by the words that are looked for');
  });

  await t.test('two people sign in and get a server each', async (t) => {
    const pages = await Promise.all([ann.startServer(), bob.startServer()]);
    for (const page of pages) t.match(page.body, 'jupyter-config-data');
    t.ok(provider.requests.includes('POST /oidc/token'));
  });

  let kernel = '';
  await t.test('a kernel computes and knows its person and folders', async (t) => {
    kernel = await ann.startKernel();
    t.equal(await ann.run(kernel, 'print(6*7)'), '42\n');
    const facts = JSON.parse(
      await ann.run(
        kernel,
        `import os, json, sys
open(os.path.join(os.environ["KNOT_PRIVATE_DIR"], "mine.txt"), "w").write("private")
open(os.path.join(os.environ["KNOT_SHARED_DIR"], "ours.txt"), "w").write("shared")
open(os.path.expanduser("~/home.txt"), "w").write("home")
print(json.dumps({"user": os.environ["KNOT_USER"], "link": os.path.exists(os.path.expanduser("~/files/private/mine.txt")),
  "pip": os.environ["PIP_TARGET"] in sys.path, "secret": sorted(k for k in os.environ if "CONFIGPROXY" in k or "SECRET" in k)}))`,
      ),
    ) as Record<string, unknown>;
    t.strictSame(facts, { user: 'ann', link: true, pip: true, secret: [] });
    const installed = await ann.run(
      kernel,
      'import subprocess\nprint(subprocess.run(["pip", "install", "--quiet", "colorama==0.4.6"]).returncode)\nimport colorama; print(colorama.__file__)',
    );
    t.match(installed, /^0\n.*\/\.local\/lib\/knot-python\/colorama/m, 'packages go into the home of the person');
    t.ok(existsSync(join(folder, 'files/users/ann/mine.txt')));
    t.ok(existsSync(join(folder, 'files/shared/ours.txt')));
    t.ok(existsSync(join(folder, 'jupyterhub/homes/ann/home.txt')));
  });

  await t.test(
    'another person sees what is shared and nothing else',
    { skip: !isSandboxed && 'no bubblewrap' },
    async (t) => {
      const other = await bob.startKernel();
      const seen = JSON.parse(
        await bob.run(
          other,
          `import os, json
def readable(path):
    try:
        return open(path).read()
    except OSError as error:
        return type(error).__name__
def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        return type(error).__name__
print(json.dumps({
  "shared": readable("/files/shared/ours.txt"),
  "private": listing("/files/private"),
  "home": readable(${JSON.stringify(join(folder, 'jupyterhub/homes/ann/home.txt'))}),
  "areas": listing(${JSON.stringify(join(folder, 'files'))}),
  "database": readable(${JSON.stringify(join(folder, 'jupyterhub/hub/jupyterhub.sqlite'))}),
  "secret": readable(${JSON.stringify(join(folder, 'jupyterhub/client-secret'))}),
  "stop": readable(${JSON.stringify(join(folder, 'jupyterhub/stop-token'))}),
  "homes": listing("/files/home/.."),
  "shadow": readable("/etc/shadow"),
  "others": [p for p in os.listdir("/proc") if p.isdigit() and "ann" in readable(f"/proc/{p}/environ")],
  "secrets": [p for p in os.listdir("/proc") if p.isdigit() and "CONFIGPROXY" in readable(f"/proc/{p}/environ")],
}))`,
        ),
      ) as Record<string, unknown>;
      t.strictSame(seen, {
        shared: 'shared',
        private: [],
        home: 'FileNotFoundError',
        areas: 'FileNotFoundError',
        database: 'FileNotFoundError',
        secret: 'FileNotFoundError',
        stop: 'FileNotFoundError',
        homes: ['home', 'private', 'shared'],
        shadow: 'FileNotFoundError',
        others: [],
        secrets: [],
      });
    },
  );

  await t.test('a deep link leads through sign-in to the same place', async (t) => {
    const fresh = createVisitor({ port, origin: hub.url, username: 'ann' });
    const page = await fresh.open('/hub/user-redirect/lab/tree/files?y=1');
    t.match(page, { status: 200, path: '/user/ann/lab/tree/files?y=1' });
  });

  await t.test(
    'admins of Knot are admins of the hub, others are not, and signing out leads to Knot’s own page for it',
    async (t) => {
      const root = createVisitor({ port, origin: hub.url, username: 'root1' });
      await root.open('/hub/home');
      const model = async (visitor: typeof root) =>
        JSON.parse((await visitor.send('/hub/api/user')).body) as { admin: boolean; groups: string[] };
      t.match(await model(root), { admin: true });
      t.strictSame(new Set((await model(root)).groups), new Set(['knot-admins', 'knot:user:root1']));
      t.match(await model(ann), { admin: false, groups: ['knot:user:ann'] });
      const answer = await root.send('/hub/logout');
      t.match(answer, { status: 302, headers: { location: `https://localhost:${provider.port}/logout` } });
    },
  );

  await t.test("the hub's cookie of one person is not believed for another", async (t) => {
    t.equal((await ann.send('/hub/home')).status, 200);
    const shared = createVisitor({ port, origin: hub.url, username: 'bob', cookies: new Map(ann.cookies) });
    const answer = await shared.send('/hub/home');
    t.equal(answer.status, 302);
    t.match(answer.headers.location, '/hub/login');
    const api = await shared.send('/hub/api/user', { headers: { 'sec-fetch-mode': 'cors' } });
    t.equal(api.status, 403);
  });

  await t.test('kernels and their connections survive a crash of the hub', async (t) => {
    await ann.run(kernel, 'kept = "still here"');
    const find = () =>
      readdirSync('/proc').find((pid) => {
        const words = readProcess(pid, 'cmdline').split('\0');
        return words.includes('jupyterhub') && words.some((word) => word.startsWith(folder));
      });
    const before = find();
    process.kill(Number(before), 'SIGKILL');
    await eventually(
      () => 'the crash is noticed',
      () => hub.tile().status !== 'ready',
    );
    await hubBecomes(hub, 'ready');
    t.not(find(), before);
    t.equal(await ann.run(kernel, 'print(kept)'), 'still here\n');
    const model = JSON.parse((await ann.send('/hub/api/user')).body) as { server: string | null };
    t.equal(model.server, '/user/ann/', 'the new hub knows the running server');
  });

  await t.test('running servers are reachable again after a crash of the proxy', async (t) => {
    const pid = readdirSync('/proc').find((name) => readProcess(name, 'cmdline').includes(`--port\0${port}\0`));
    process.kill(Number(pid), 'SIGKILL');
    await eventually(
      () => 'the crash is noticed',
      () => hub.tile().status !== 'ready',
    );
    const deadline = Date.now() + 30_000;
    let answer = '';
    while (!answer.startsWith('still here') && Date.now() < deadline) {
      answer = await ann.run(kernel, 'print(kept)').catch(() => delay(300, ''));
    }
    t.equal(answer, 'still here\n');
  });

  await t.test('one person’s server is stopped, and the token for it is good for nothing else', async (t) => {
    await hub.stopOf!('bob');
    t.strictSame(hub.people!(), ['ann']);
    t.equal(await ann.run(kernel, 'print(kept)'), 'still here\n');
    await hub.stopOf!('bob');
    await hub.stopOf!('nobody');
    const authorization = `token ${readFileSync(join(folder, 'jupyterhub/stop-token'), 'utf8').trim()}`;
    const headers = { authorization, 'sec-fetch-mode': 'cors' };
    const stranger = createVisitor({ port, origin: hub.url, username: 'knot' });
    for (const [method, path] of [
      ['GET', 'users'],
      ['GET', 'users/ann'],
      ['GET', 'proxy'],
      ['POST', 'users/bob/server'],
      ['POST', 'users/ann/tokens'],
      ['DELETE', 'users/ann'],
      ['POST', 'shutdown'],
    ] as const)
      t.match(await stranger.send(`/hub/api/${path}`, { method, headers }), { status: /403|404/ }, `${method} ${path}`);
    await bob.startServer();
    t.strictSame(hub.people!(), ['ann', 'bob'], 'it starts again when it is opened');
    await t.test('as Knot asks a hub that runs elsewhere: whether somebody’s server runs', async (t) => {
      const scopes = ['read:servers!user=ann'];
      const made = await ann.post('/hub/api/users/ann/tokens', '/hub/', JSON.stringify({ scopes, note: 'servers' }));
      const { token } = JSON.parse(made.body) as { token: string };
      const api = createHubApi({ title: 'Notebooks', upstream: hub.route.upstream, token: () => token });
      t.teardown(() => api.close());
      t.equal(await api.hasServer('ann'), true);
      t.equal(await api.hasServer('bob'), false, 'of whom the token may not know');
      await t.rejects(api.stopServer('ann'), { code: 'KNOT_INTEGRATIONS_NOT_STOPPED' });
      await hub.stopOf!('ann');
      t.equal(await api.hasServer('ann'), false);
      await ann.startServer();
    });
  });

  await t.test('stopping ends hub, proxy, servers and kernels', async (t) => {
    const running = processFinder(folder);
    t.ok(running().length >= 10, `${running().length} processes for two people`);
    isClosed = true;
    await close();
    t.strictSame(running(), []);
  });
});
