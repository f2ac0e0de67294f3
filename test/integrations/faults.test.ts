import { execFileSync, spawn } from 'node:child_process';
import { eventually } from '../support/eventually.ts';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLog } from '../../gateway/lib/index.ts';
import type { Sandbox } from '../../gateway/process/index.ts';
import { sitePackagesOf } from '../../gateway/process/index.ts';
import {
  cachedVenv,
  createTestHub,
  hubBecomes,
  processFinder,
  readProcess,
  startHub,
  temporaryFolder,
} from './hub-fixture.ts';
import { startStubProvider } from './stub-provider.ts';

/** A folder to search for programs in: fake ones by name and shell text. */
function programs(folder: string, scripts: Record<string, string>): string {
  const path = join(folder, 'programs');
  mkdirSync(path, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

const answer = (version: string, hasVenv: boolean) =>
  `echo '${JSON.stringify({ version, basePrefix: '/usr', executable: '/usr/bin/python3', hasVenv })}'`;

/** The shared environment as one of the folder's own: its files are those of the shared one until they are removed, so none is written to. */
function venvIn(folder: string): string {
  const venvFolder = join(folder, 'jupyterhub/venv');
  mkdirSync(join(folder, 'jupyterhub'), { recursive: true });
  try {
    execFileSync('cp', ['-al', cachedVenv, venvFolder], { stdio: 'ignore' });
  } catch {
    // On another disk there are no second names.
    rmSync(venvFolder, { recursive: true, force: true });
    execFileSync('cp', ['-a', cachedVenv, venvFolder]);
  }
  return venvFolder;
}

t.test('what is missing on the machine is named on the tile, with what to do', async (t) => {
  const cases = [
    {
      name: 'no Python at all',
      scripts: {},
      message: 'Notebooks need Python 3, which is not installed on this machine.',
      remedy: 'apt install python3 python3-venv',
    },
    {
      name: 'a Python that cannot run',
      scripts: { python3: 'echo broken >&2; exit 1' },
      message: 'Notebooks need Python 3, which is not installed on this machine.',
      remedy: 'brew install python',
    },
    {
      name: 'only an old Python',
      scripts: { python3: answer('3.8.18', true), python: answer('2.7.18', false) },
      message: 'Notebooks need Python 3.10 or newer; found 3.8.18, 2.7.18.',
      remedy: 'Install a newer Python',
    },
    {
      name: 'a Python without venv',
      scripts: { python3: answer('3.11.2', false) },
      message: 'Python 3.11 is here, but its "venv" module is not.',
      remedy: 'apt install python3-venv',
    },
  ];
  for (const { name, scripts, message, remedy } of cases) {
    const folder = temporaryFolder();
    const { hub, close } = await createTestHub({ folder, searchPath: programs(folder, scripts) });
    hub.start();
    await hubBecomes(hub, 'failed');
    t.equal(hub.tile().message, message, name);
    t.match(hub.tile().remedy, remedy);
    t.match(hub.tile().remedy, /Knot tries again in \d+ s/);
    t.match(hub.health(), [{ name: 'jupyterhub', status: 'failed', remedy: /by itself/ }]);
    await close();
  }
});

t.test('with an installed environment', async (t) => {
  // Makes the shared environment if no test has done so yet.
  t.before(async () => {
    const folder = temporaryFolder();
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    hub.start();
    await hubBecomes(hub, 'ready');
    await close();
  });

  t.test('a hub that is stopped starts nothing, at whatever moment of its preparation', async (t) => {
    const found: Sandbox = { isAvailable: false, isInstalled: false, reason: 'bubblewrap (bwrap) is not installed' };
    let stopNow: () => void = () => undefined;
    const moments: [string, Partial<Parameters<typeof createTestHub>[0]>][] = [
      ['while the sandbox is looked for', { findSandbox: async () => (stopNow(), found) }],
      [
        'when the sandbox was found, before the configuration is written',
        {
          findSandbox: async () => found,
          log: { ...silentLog, child: () => ({ ...silentLog, warn: () => stopNow() }) },
        },
      ],
    ];
    for (const [moment, options] of moments) {
      const folder = temporaryFolder();
      const { hub, supervisor, close } = await createTestHub({ folder, venvFolder: cachedVenv, ...options });
      const started: string[] = [];
      const supervise = supervisor.supervise.bind(supervisor);
      supervisor.supervise = (spec) => {
        const child = supervise(spec);
        return { ...child, start: () => (started.push(spec.name), child.start()) };
      };
      const stopped = new Promise<void>((resolve, reject) => {
        stopNow = () => void hub.stop().then(resolve, reject);
      });
      hub.start();
      await stopped;
      hub.start();
      await hub.stop();
      t.strictSame(started, [], moment);
      await close();
    }

    const folder = temporaryFolder();
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    await hub.stop();
    const before = hub.tile();
    let changes = 0;
    hub.onChange(() => (changes += 1));
    hub.start();
    await hub.stop();
    t.strictSame([hub.tile(), changes], [before, 0], 'one that was stopped before it was started does not begin');
    await close();
  });

  t.test('a hub that dies in a loop is shown as failed, with its last words', async (t) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'jupyterhub'), { recursive: true });
    writeFileSync(join(folder, 'jupyterhub/cookie-secret'), 'this is not hexadecimal at all\n', { mode: 0o600 });
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    hub.start();
    await hubBecomes(hub, 'failed');
    t.match(hub.tile().message, /ended with exit code 1 again and again\. Its last words: .*cookie/i);
    t.match(hub.tile().remedy, /log of the gateway/);
    t.match(hub.tile().steps?.at(-1), { title: /^Start JupyterHub/, state: 'failed' });
    const health = hub.health().find(({ name }) => name === 'jupyterhub');
    t.match(health, { status: 'failed', remedy: /log of the gateway/ });
    rmSync(join(folder, 'jupyterhub/cookie-secret'));
    writeFileSync(join(folder, 'jupyterhub/cookie-secret'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
    await hubBecomes(hub, 'ready');
    t.equal(hub.tile().steps, undefined, 'what is ready has no steps any more');
    await close();
  });

  t.test('an environment that is damaged at the start is not used: its repair is begun, and said', async (t) => {
    const folder = temporaryFolder();
    const venvFolder = venvIn(folder);
    rmSync(join(sitePackagesOf(venvFolder)!, 'jupyterlab/labapp.py'));
    const warned: object[] = [];
    const warn = (fields: object) => void warned.push(fields);
    // Without a Python to make one with, the repair ends at its first step; to its end it is followed below.
    const options = { searchPath: programs(folder, {}), log: { ...silentLog, child: () => ({ ...silentLog, warn }) } };
    const { hub, supervisor, close } = await createTestHub({ folder, ...options });
    t.teardown(() => close());
    supervisor.supervise = () => t.fail('started') as never;
    const said = new Set<string>();
    hub.onChange(() => said.add(hub.tile().message));
    hub.start();
    await hubBecomes(hub, 'failed');
    t.same([...said].slice(0, 2), [
      'Repairing the damaged Python environment: Looking for Python',
      'Notebooks need Python 3, which is not installed on this machine.',
    ]);
    t.match(warned, [{ damage: 'jupyterlab/labapp.py of jupyterlab is missing or changed' }]);
    t.ok(existsSync(join(venvFolder, 'bin/python')), 'and nothing is thrown away before another can be made');
  });

  t.test('an environment that is damaged while the hub runs is mended by itself, and the hub is back', async (t) => {
    const folder = temporaryFolder();
    const packages = sitePackagesOf(venvIn(folder))!;
    // What pip would compile is compiled when it is imported: the most of a repair's time.
    process.env['PIP_COMPILE'] = '0';
    t.teardown(() => delete process.env['PIP_COMPILE']);
    const { hub, close } = await createTestHub({ folder });
    t.teardown(() => close());
    const said = new Set<string>();
    hub.onChange(() => said.add(hub.tile().message));
    hub.start();
    await hubBecomes(hub, 'ready');
    const repairing = () =>
      [...said].filter((message) => message.startsWith('Repairing the damaged Python environment: '));
    t.same(repairing(), [], 'a whole one is not mended');

    const application = join(packages, 'jupyterhub/app.py');
    for (const file of [application, join(packages, 'jupyterlab/labapp.py')]) rmSync(file);
    writeFileSync(application, 'raise SystemExit("damaged")\n');
    const pid = readdirSync('/proc').find((name) => {
      const words = readProcess(name, 'cmdline').split('\0');
      return words.includes('jupyterhub') && words.some((word) => word.startsWith(folder));
    });
    process.kill(Number(pid), 'SIGKILL');
    await eventually(
      () => JSON.stringify(hub.tile()),
      () => hub.tile().status !== 'ready',
    );
    await hubBecomes(hub, 'ready');
    t.ok(repairing().length > 0);
    t.ok(existsSync(join(packages, 'jupyterlab/labapp.py')));
    t.notMatch(readFileSync(application, 'utf8'), 'damaged');
  });

  t.test('a damaged database of the hub is named with a cure that works', async (t) => {
    const folder = temporaryFolder();
    const database = join(folder, 'jupyterhub/hub/jupyterhub.sqlite');
    mkdirSync(join(folder, 'jupyterhub/hub'), { recursive: true });
    writeFileSync(database, 'no database at all, but long enough to be read as one\n'.repeat(100));
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    t.teardown(() => close());
    hub.start();
    await hubBecomes(hub, 'failed');
    t.match(hub.tile().remedy, /move jupyterhub\/hub\/jupyterhub\.sqlite out/);
    rmSync(database);
    await hubBecomes(hub, 'ready');
  });

  t.test('after kill -9 of the gateway nothing runs twice, and people start again where they were', async (t) => {
    const folder = temporaryFolder();
    const provider = await startStubProvider(folder);
    t.teardown(() => provider.close());
    writeFileSync(
      join(folder, 'gateway.ts'),
      `import { cachedVenv, createTestHub, hubBecomes } from ${JSON.stringify(join(import.meta.dirname, 'hub-fixture.ts'))};
import { createVisitor } from ${JSON.stringify(join(import.meta.dirname, 'hub-visitor.ts'))};
const { hub } = await createTestHub({ folder: ${JSON.stringify(folder)}, providerPort: ${provider.port},
  caFile: ${JSON.stringify(provider.caFile)}, venvFolder: cachedVenv });
hub.start();
await hubBecomes(hub, 'ready');
const ann = createVisitor({ port: hub.route.upstream.port, origin: hub.url, username: 'ann' });
await ann.startServer();
const kernel = await ann.startKernel();
console.log(await ann.run(kernel, 'open("kept.txt", "w").write("kept"); print("running")'));
`,
    );
    const gateway = spawn(process.execPath, [join(folder, 'gateway.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const output: string[] = [];
    gateway.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    await eventually(
      () => `output: ${output.join('')}`,
      () => output.join('').includes('running'),
      120_000,
    );
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    const before = processFinder(folder)();
    t.ok(before.length >= 5, `hub, proxy, launcher, server and kernel run on (${before.length})`);

    const { visit } = await startHub(t, { folder, provider });
    const now = processFinder(folder)();
    t.strictSame(
      before.filter((pid) => now.includes(pid)),
      [],
    );
    const ann = visit('ann');
    await ann.startServer();
    t.equal(await ann.run(await ann.startKernel(), 'print(open("kept.txt").read())'), 'kept\n');
  });
});
