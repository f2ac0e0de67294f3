import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createSupervisor, sitePackagesOf } from '../../gateway/process/index.ts';
import { openPackages, type Packages } from '../../gateway/services/index.ts';
import { eventually } from '../support/eventually.ts';
import { accounts, sandbox, skipWithoutSandbox } from './process-house.ts';
import { openIndex } from './tiny-index.ts';

/** Packages of templates, from an index of the test's own: once for each set, whole or not at all, and why not in plain words. */
t.setTimeout(240_000);

// That of a gateway as services of the system have it: what people's accounts read must not depend on it.
process.umask(0o077);

const isRoot = process.getuid?.() === 0;

function open(
  t: Test,
  options: { mostBytes?: number; lookMs?: number } = {},
): { folder: string; packages: Packages; make: () => Packages } {
  const dataFolder = mkdtempSync(join(tmpdir(), 'knot-packages-'));
  const supervisor = createSupervisor({ clock: systemClock, log: silentLog, timing: { graceMs: 1000 } });
  t.teardown(async () => {
    await supervisor.stopAll();
    rmSync(dataFolder, { recursive: true, force: true });
  });
  const make = () =>
    openPackages({
      ...{ dataFolder, supervisor, clock: systemClock, log: silentLog },
      ...options,
      sandbox: async () => sandbox,
      accounts: accounts(dataFolder),
    });
  return { folder: join(dataFolder, 'services/packages'), packages: make(), make };
}

const setOf = (...requirements: string[]) => ({ requirements, isLocked: false });
const waiter = (signal = new AbortController().signal) => {
  const said: string[] = [];
  return { said, signal, onProgress: ({ message }: { message: string }): void => void said.push(message) };
};

t.test('packages of templates', { skip: skipWithoutSandbox }, async (t) => {
  const index = await openIndex(t, [
    ['tiny', '1.0'],
    ['tiny', '2.0'],
    ['other', '1.0'],
    ['foreign', '1.0', 'cp27-cp27m-win32'],
    ['slow', '1.0'],
  ]);

  await t.test('who wants the same at one moment waits for one installation, which is done once', async (t) => {
    const { folder, packages, make } = open(t);
    const [one, two] = [waiter(), waiter()];
    const beside = waiter();
    const results = await Promise.all([
      packages.install(setOf('tiny==1.0', 'other==1.0'), one),
      packages.install(setOf('tiny==1.0', 'other==1.0'), two),
      make().install(setOf('tiny==1.0', 'other==1.0'), beside),
    ]);
    t.equal(index.asked.filter((url) => url.startsWith('/files/tiny')).length, 1);
    t.strictSame(new Set(results.map((result) => JSON.stringify(result))).size, 1);
    const [found] = results;
    if (!found || 'problem' in found) return t.fail(JSON.stringify(found));
    const didIt = ({ said }: { said: string[] }) => said.includes('Installing packages (0 of 2)');
    const waited = ({ said }: { said: string[] }) => said.includes('Waiting for the same installation of another Knot');
    t.equal(didIt(one), didIt(two), 'both see the one that is under way');
    t.not(didIt(one), didIt(beside), 'one Knot installs');
    t.not(waited(one), waited(beside), 'the other waits');
    const file = join(sitePackagesOf(found.folder)!, 'tiny.py');
    t.equal(statSync(file).mode & 0o777, 0o644, 'whoever runs it reads it');
    if (isRoot) t.ok(statSync(file).uid > 0, 'nothing of it was installed as root');
    t.strictSame(readdirSync(join(folder, '.work')), []);

    // Whole or not at all: what was damaged is made anew, by who looks at it the first time.
    rmSync(file);
    const fresh = make();
    t.equal(await fresh.find(setOf('tiny==1.0', 'other==1.0')), undefined);
    t.match(await fresh.install(setOf('tiny==1.0', 'other==1.0'), waiter()), { key: found.key });
    t.ok(statSync(file).isFile());
    t.equal(
      index.asked.filter((url) => url.startsWith('/files/tiny')).length,
      1,
      'what was downloaded is not fetched again',
    );

    // What nobody uses for a month goes, what somebody uses stays.
    const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
    utimesSync(join(folder, found.key), longAgo, longAgo);
    await packages.removeUnused(new Set([found.key]));
    t.match(await packages.find(setOf('tiny==1.0', 'other==1.0')), { key: found.key });
    utimesSync(join(folder, found.key), longAgo, longAgo);
    await packages.removeUnused(new Set());
    t.equal(await packages.find(setOf('tiny==1.0', 'other==1.0')), undefined);
  });

  await t.test('one that is cut is not taken for a whole one, and the next one completes it', async (t) => {
    const { packages, make } = open(t);
    const goOn = index.hold('/files/slow');
    const abort = new AbortController();
    const cut = packages.install(setOf('tiny==2.0', 'slow==1.0'), waiter(abort.signal));
    await eventually('it downloads', async () => index.asked.some((url) => url.includes('/files/slow')), 60_000);
    abort.abort();
    t.match(await cut, { problem: {} });
    t.equal(await packages.find(setOf('tiny==2.0', 'slow==1.0')), undefined);
    goOn();
    t.match(await make().install(setOf('tiny==2.0', 'slow==1.0'), waiter()), { key: /^[0-9a-f]{24}$/ });
  });

  await t.test('one that takes more of the disk than one may is ended, told so, and leaves nothing', async (t) => {
    const { folder, packages } = open(t, { mostBytes: 4096, lookMs: 20 });
    const goOn = index.hold('/files/slow');
    t.teardown(goOn);
    t.match(await packages.install(setOf('tiny==2.0', 'slow==1.0'), waiter()), {
      problem: { kind: 'other', message: /take more of the disk than the 0 GiB that one installation may/ },
    });
    t.strictSame(
      readdirSync(folder).filter((name) => !name.startsWith('.')),
      [],
    );
  });

  await t.test('a folder that cannot be used is named, and not taken for the work of another Knot', async (t) => {
    const { folder, packages } = open(t);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.locks'), '');
    const { signal, onProgress, said } = waiter();
    t.match(await packages.install(setOf('tiny==1.0'), { signal, onProgress }), {
      problem: { kind: 'other', message: /ENOTDIR: not a directory/ },
    });
    t.strictSame(said, []);
  });

  await t.test('why it does not work is told, with what to do', async (t) => {
    const { packages } = open(t);
    const goOn = index.hold('/simple/slow');
    t.teardown(goOn);
    const cases = [
      ['no such version', setOf('tiny==9.9'), 'package', /does not have.*tiny==9.9/, /wrote the template/],
      ['none that fits', setOf('foreign==1.0'), 'does-not-fit', /no ready-made file/, /wrote the template/],
      ['an index that hangs', setOf('slow==1.0'), 'index', /cannot be reached/, /Check the network/],
    ] as const;
    await Promise.all(
      cases.map(async ([name, set, kind, message, remedy]) => {
        const result = await packages.install(set, waiter());
        t.match(result, { problem: { kind, message, remedy } }, name);
      }),
    );
  });
});
