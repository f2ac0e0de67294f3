import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cachedVenv, createTestHub, processFinder, temporaryFolder, until } from './hub-fixture.ts';
import { createVisitor } from './hub-visitor.ts';
import { startStubProvider } from './stub-provider.ts';

t.setTimeout(280_000);

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
  `echo '${JSON.stringify({ version, basePrefix: '/usr', hasVenv })}'`;

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
    await until(
      () => hub.tile().status === 'failed',
      () => JSON.stringify(hub.tile()),
    );
    t.equal(hub.tile().message, message, name);
    t.match(hub.tile().remedy, remedy);
    t.match(hub.tile().remedy, /Knot tries again in \d+ s/);
    t.match(hub.health(), [{ name: 'jupyterhub', status: 'failed', remedy: /by itself/ }]);
    await close();
  }
});

t.test('with an installed environment', { timeout: 280_000 }, async (t) => {
  // Makes the shared environment if no test has done so yet.
  t.before(async () => {
    const folder = temporaryFolder();
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    hub.start();
    await until(
      () => hub.tile().status === 'ready',
      () => JSON.stringify(hub.tile()),
      240_000,
    );
    await close();
  });

  t.test('a hub that dies in a loop is shown as failed, with its last words', async (t) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'jupyterhub'), { recursive: true });
    writeFileSync(join(folder, 'jupyterhub/cookie-secret'), 'this is not hexadecimal at all\n', { mode: 0o600 });
    const { hub, close } = await createTestHub({ folder, venvFolder: cachedVenv });
    hub.start();
    await until(
      () => hub.tile().status === 'failed',
      () => JSON.stringify(hub.tile()),
      120_000,
    );
    t.match(hub.tile().message, /ended with exit code 1 again and again\. Its last words: .*cookie/i);
    t.match(hub.tile().remedy, /log of the gateway/);
    const health = hub.health().find(({ name }) => name === 'jupyterhub');
    t.match(health, { status: 'failed', remedy: /log of the gateway/ });
    rmSync(join(folder, 'jupyterhub/cookie-secret'));
    writeFileSync(join(folder, 'jupyterhub/cookie-secret'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
    await until(
      () => hub.tile().status === 'ready',
      () => JSON.stringify(hub.tile()),
      60_000,
    );
    await close();
  });

  t.test('after kill -9 of the gateway nothing runs twice, and people start again where they were', async (t) => {
    const folder = temporaryFolder();
    const provider = await startStubProvider(folder);
    t.teardown(() => provider.close());
    writeFileSync(
      join(folder, 'gateway.ts'),
      `import { cachedVenv, createTestHub, until } from ${JSON.stringify(join(import.meta.dirname, 'hub-fixture.ts'))};
import { createVisitor } from ${JSON.stringify(join(import.meta.dirname, 'hub-visitor.ts'))};
const { hub } = await createTestHub({ folder: ${JSON.stringify(folder)}, providerPort: ${provider.port},
  caFile: ${JSON.stringify(provider.caFile)}, venvFolder: cachedVenv });
hub.start();
await until(() => hub.tile().status === 'ready', () => JSON.stringify(hub.tile()), 60_000);
const ann = createVisitor({ port: hub.route.upstream.port, origin: hub.url, username: 'ann' });
await ann.startServer();
const kernel = await ann.startKernel();
console.log(await ann.run(kernel, 'open("kept.txt", "w").write("kept"); print("running")'));
`,
    );
    const gateway = spawn(process.execPath, [join(folder, 'gateway.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const output: string[] = [];
    gateway.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    await until(
      () => output.join('').includes('running'),
      () => `output: ${output.join('')}`,
      120_000,
    );
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    const before = processFinder(folder)();
    t.ok(before.length >= 5, `hub, proxy, launcher, server and kernel run on (${before.length})`);

    const { hub, close } = await createTestHub({
      folder,
      providerPort: provider.port,
      caFile: provider.caFile,
      venvFolder: cachedVenv,
    });
    t.teardown(() => close());
    hub.start();
    await until(
      () => hub.tile().status === 'ready',
      () => JSON.stringify(hub.tile()),
      60_000,
    );
    const now = processFinder(folder)();
    t.strictSame(
      before.filter((pid) => now.includes(pid)),
      [],
    );
    const ann = createVisitor({ port: hub.route.upstream.port, origin: hub.url, username: 'ann' });
    await ann.startServer();
    t.equal(await ann.run(await ann.startKernel(), 'print(open("kept.txt").read())'), 'kept\n');
  });
});
