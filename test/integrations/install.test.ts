import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findHubDamage } from '../../gateway/integrations/jupyterhub/damage.ts';
import { installWithRetry } from '../../gateway/integrations/jupyterhub/install-with-retry.ts';
import { findInstallation } from '../../gateway/integrations/jupyterhub/install.ts';
import { describeTile, type HubStatus } from '../../gateway/integrations/jupyterhub/status.ts';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createSupervisor, sitePackagesOf } from '../../gateway/process/index.ts';
import { temporaryFolder } from './hub-fixture.ts';
import { eventually } from '../support/eventually.ts';

/** Real Python, real pip, real index; a short list, because the whole one is installed for the other tests. */
const shortList = `# comment
ipykernel==7.4.0 ; python_version >= '3.11'
ipykernel==7.3.0 ; python_version < '3.11'
idna==3.20
six==1.17.0
`;

function createInstallation(folder: string, { isShared = false } = {}) {
  const requirementsFile = join(folder, 'requirements.txt');
  writeFileSync(requirementsFile, shortList);
  const venvFolder = join(folder, 'venv');
  const supervisor = createSupervisor({ clock: systemClock, log: silentLog, timing: { graceMs: 2000 } });
  const abort = new AbortController();
  const seen: HubStatus[] = [];
  const listeners = new Set<(status: HubStatus) => void>();
  const run = () =>
    installWithRetry({
      supervisor,
      venvFolder,
      isShared,
      searchPath: process.env['PATH'] ?? '',
      requirementsFile,
      signal: abort.signal,
      clock: systemClock,
      log: silentLog,
      firstWaitMs: 300,
      onChange(status) {
        seen.push(status);
        for (const listener of listeners) listener(status);
      },
    });
  return { run, abort, seen, listeners, venvFolder, requirementsFile, supervisor };
}

t.test('an index that is down is named, and the installation goes on by itself when it is back', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const indexBefore = process.env['PIP_INDEX_URL'];
  const restore = () => {
    if (indexBefore === undefined) delete process.env['PIP_INDEX_URL'];
    else process.env['PIP_INDEX_URL'] = indexBefore;
  };
  t.teardown(restore);
  // The discard port: refused at once, as with an index that is down.
  process.env['PIP_INDEX_URL'] = 'http://someone:password@127.0.0.1:9/simple';
  const { run, seen, abort, venvFolder, requirementsFile } = createInstallation(folder);
  t.teardown(() => abort.abort());
  const finished = run();
  const blocked = await eventually(
    () => JSON.stringify(seen.at(-1)),
    () => seen.find(({ phase }) => phase === 'blocked'),
    120_000,
  );
  const tile = describeTile(blocked, Date.now());
  t.match(tile, {
    status: 'failed',
    message: /^The Python package index cannot be reached/,
    remedy: /PIP_INDEX_URL.*tries again in 1 s/,
  });
  t.notMatch(JSON.stringify(tile), 'password', 'no credentials on the tile');
  t.equal(findInstallation(venvFolder, requirementsFile), undefined);

  restore();
  t.match(await finished, { isInstalled: true });
  t.match(findInstallation(venvFolder, requirementsFile), {
    isInstalled: true,
    python: join(venvFolder, 'bin/python'),
  });
  const messages = seen.map((status) => describeTile(status, Date.now()).message);
  for (const message of [
    'Creating a Python environment',
    'Downloading idna (2 of 3)',
    'Installing packages (0 of 3)',
  ]) {
    t.ok(messages.includes(message), message);
  }

  writeFileSync(requirementsFile, `${shortList}tzdata==2026.6\n`);
  t.equal(
    findInstallation(venvFolder, requirementsFile),
    undefined,
    'a changed list makes the environment out of date',
  );
});

t.test(
  'an installation that is killed half-way is not taken for a whole one, and the next one completes it',
  async (t) => {
    const folder = temporaryFolder();
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const first = createInstallation(folder);
    first.listeners.add((status) => status.phase === 'installing' && status.step === 'install' && first.abort.abort());
    t.match(await first.run(), { isInstalled: false });
    t.ok(existsSync(join(folder, 'venv/bin/python')), 'it had begun');
    t.equal(findInstallation(first.venvFolder, first.requirementsFile), undefined);

    const second = createInstallation(folder);
    t.match(await second.run(), { isInstalled: true });
    t.ok(findInstallation(second.venvFolder, second.requirementsFile));

    const third = createInstallation(folder);
    t.match(await third.run(), { isInstalled: true });
    t.strictSame(third.seen, [], 'a complete one is left as it is');
  },
);

t.test('two gateways with one folder do not install into each other', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const one = createInstallation(folder);
  const common = {
    searchPath: process.env['PATH'] ?? '',
    isShared: true,
    clock: systemClock,
    log: silentLog,
    firstWaitMs: 300,
  };
  const install = (onChange: (status: HubStatus) => void) =>
    installWithRetry({
      ...common,
      supervisor: one.supervisor,
      venvFolder: one.venvFolder,
      requirementsFile: one.requirementsFile,
      signal: one.abort.signal,
      onChange,
    });
  const steps: string[][] = [[], []];
  const results = await Promise.all(
    steps.map((list) => install((status) => list.push(status.phase === 'installing' ? status.step : status.phase))),
  );
  t.match(results, [{ isInstalled: true }, { isInstalled: true }]);
  t.ok(steps[0]!.includes('environment'));
  t.strictSame([...new Set(steps[1])], ['waiting'], 'the second waited and then found it done');
});

t.test('a shared folder that cannot be used is named, and not taken for the work of another gateway', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, '.installing'), '');
  const { run, abort, seen } = createInstallation(folder, { isShared: true });
  const ended = run();
  await eventually('the reason is told', () => seen.some(({ phase }) => phase === 'blocked'));
  abort.abort();
  t.match(await ended, { isInstalled: false, problem: { kind: 'other', message: /EEXIST: file already exists/ } });
  t.notMatch(JSON.stringify(seen), folder);
  t.notOk(seen.some((status) => status.phase === 'installing' && status.step === 'waiting'));
});

t.test('an environment that has lost files or packages is found, and made anew', async (t) => {
  const folder = temporaryFolder();
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { run, seen, venvFolder, requirementsFile } = createInstallation(folder);
  t.match(await run(), { isInstalled: true });
  t.equal(await findHubDamage(venvFolder), undefined);
  t.equal(await findHubDamage(venvFolder, { isThorough: true }), undefined);
  const packages = sitePackagesOf(venvFolder)!;
  const six = join(packages, 'six.py');
  const source = readFileSync(six, 'utf8');
  const { packages: installed } = findInstallation(venvFolder, requirementsFile)!;

  writeFileSync(six, source.replace('__version__', '__versiom__'));
  t.equal(await findHubDamage(venvFolder), undefined, 'of the same size');
  t.equal(await findHubDamage(venvFolder, { isThorough: true }), 'six.py of six is missing or changed');
  writeFileSync(six, '');
  t.equal(await findHubDamage(venvFolder), 'six.py of six is missing or changed');
  writeFileSync(six, source);
  renameSync(join(venvFolder, 'pyvenv.cfg'), join(venvFolder, 'gone.cfg'));
  t.equal(await findHubDamage(venvFolder), 'pyvenv.cfg is missing');
  renameSync(join(venvFolder, 'gone.cfg'), join(venvFolder, 'pyvenv.cfg'));
  for (const name of ['six.py', 'six-1.17.0.dist-info']) rmSync(join(packages, name), { recursive: true });
  t.equal(await findHubDamage(venvFolder, { packages: installed! }), 'six is missing');

  seen.splice(0);
  t.match(await run(), { isInstalled: true });
  t.equal(await findHubDamage(venvFolder, { packages: installed! }), undefined);
  t.match(describeTile(seen[0]!, 0).message, /^Repairing the damaged Python environment: /);
});
