import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createSupervisor, sitePackagesOf } from '../../gateway/process/index.ts';
import { variablesNamedIn } from '../../gateway/process/npm/npmrc.ts';
import { openPackages, type Packages } from '../../gateway/services/index.ts';
import { eventually } from '../support/eventually.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';
import { accounts, sandbox, skipWithoutSandbox } from './process-house.ts';
import { openIndex, settings } from './tiny-index.ts';
import { openRegistry } from './tiny-registry.ts';

/** Packages of templates, from an index of the test's own: once for each set, whole or not at all, and why not in plain words. */

// That of a gateway as services of the system have it: what people's accounts read must not depend on it.
process.umask(0o077);

const isRoot = process.getuid?.() === 0;

function open(
  t: Test,
  { below = tmpdir(), ...options }: { mostBytes?: number; lookMs?: number; below?: string } = {},
): { folder: string; packages: Packages; make: () => Packages } {
  const dataFolder = mkdtempSync(join(below, 'knot-packages-'));
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

const noDisk = smallDiskSkipReason();
const visibleIn = (folder: string): string[] => readdirSync(folder).filter((name) => !name.startsWith('.'));
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
    ['heavy', '1.0', 'py3-none-any', 3 << 20],
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
    const didIt = ({ said }: { said: string[] }) => said.some((line) => line.startsWith('Installing packages'));
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
    await eventually('it downloads', async () => index.asked.some((url) => url.includes('/files/slow')));
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
    t.strictSame(visibleIn(folder), []);
  });

  await t.test(
    'a disk that is full is told, what was begun goes, and with room it goes on',
    { skip: noDisk },
    async (t) => {
      const disk = openSmallDisk(t, '2m');
      const { folder, packages } = open(t, { below: disk.folder });
      const set = setOf('tiny==1.0', 'heavy==1.0');
      t.match(await packages.install(set, waiter()), {
        problem: { kind: 'disk-full', message: /The disk is full/, remedy: /Free some space/ },
      });
      t.strictSame(visibleIn(folder), []);
      disk.resize('64m');
      t.match(await packages.install(set, waiter()), { key: /^[0-9a-f]{24}$/, packages: 2 });
    },
  );

  await t.test('a folder that cannot be used is named, and not taken for the work of another Knot', async (t) => {
    const { folder, packages } = open(t);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.locks'), '');
    const { signal, onProgress, said } = waiter();
    t.match(await packages.install(setOf('tiny==1.0'), { signal, onProgress }), {
      problem: { kind: 'other', message: /the Python packages of the template failed.*ENOTDIR: not a directory/ },
    });
    t.match(await packages.install({ lists: [] }, waiter()), {
      problem: { message: /the npm packages of the template failed.*ENOTDIR/ },
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

t.test('packages of npm', { skip: skipWithoutSandbox }, async (t) => {
  const registry = await openRegistry(t, [
    {
      name: 'editor',
      version: '1.0.0',
      files: { 'lib/part/main.js': "module.exports = require('tiny');" },
      more: { scripts: { postinstall: 'echo ran > ran.txt' } },
    },
    { name: 'heavy', version: '1.0.0', files: { 'data.txt': randomBytes(3 << 20).toString('latin1') } },
    { name: 'tiny', version: '1.0.0', files: { 'index.js': "module.exports = 'one';" } },
    { name: 'tiny', version: '2.0.0', files: { 'index.js': "module.exports = 'two';" } },
  ]);
  const editor = { name: 'editor', version: '1.0.0' };
  const tiny = (version: string, integrity?: string) => ({ name: 'tiny', version, ...(integrity && { integrity }) });
  const list = (text: string, into = '') => ({ text, into });
  const lists = [
    list(registry.listOf({ 'node_modules/editor': editor, 'node_modules/tiny': tiny('1.0.0') })),
    list(registry.listOf({ 'node_modules/tiny': tiny('2.0.0') }), 'node_modules/editor/lib/part'),
  ];
  const tarballs = () => registry.asked.filter((url) => url.startsWith('/files/'));

  await t.test('each list is where it belongs, once for everybody, and runs nothing of its own', async (t) => {
    const { packages, make } = open(t);
    const { said, ...waits } = waiter();
    const found = await packages.install({ lists }, waits);
    if ('problem' in found) return t.fail(JSON.stringify(found));
    t.equal(found.packages, 3);
    t.ok(said.includes('Downloading packages (2 of 3)'), said.join('\n'));
    const file = (path: string) => join(found.folder, 'node_modules', path);
    const require = createRequire(file('x.js'));
    t.equal(require(file('editor/lib/part/main.js')), 'two', 'its own part has its own');
    t.equal(require(file('tiny/index.js')), 'one');
    t.notOk(existsSync(file('editor/ran.txt')), 'no script of a package ran');
    t.equal(statSync(file('tiny/index.js')).mode & 0o777, 0o644, 'whoever runs it reads it');
    if (isRoot) t.ok(statSync(file('tiny/index.js')).uid > 0, 'nothing of it was installed as root');
    t.strictSame(readdirSync(found.folder).sort(), ['knot-files.json', 'knot-installed.json', 'node_modules']);

    t.match(await make().find({ lists }), { key: found.key, packages: 3 });
    const before = tarballs().length;
    rmSync(file('editor/lib/part/node_modules/tiny/index.js'));
    const fresh = make();
    t.equal(await fresh.find({ lists }), undefined, 'damaged');
    t.match(await fresh.install({ lists }, waiter()), { key: found.key });
    t.match(readFileSync(file('editor/lib/part/node_modules/tiny/index.js'), 'utf8'), 'two');
    t.equal(tarballs().length, before, 'what was downloaded is not fetched again');
  });

  await t.test('why it does not work is told, with what to do', async (t) => {
    const { packages, make } = open(t);
    const another = `sha512-${Buffer.alloc(64).toString('base64')}`;
    const cases = [
      ['another digest', { tiny: tiny('1.0.0', another) }, 'changed', /not the one that was chosen/, /do not use it/],
      ['no such version', { tiny: tiny('9.9.9', another) }, 'package', /does not have/, /wrote the template/],
      [
        'no such package',
        { none: { name: 'none', version: '1.0.0', integrity: another } },
        'package',
        /Not Found/,
        /npmrc/,
      ],
    ] as const;
    await Promise.all(
      cases.map(async ([name, places, kind, message, remedy]) => {
        const [[at, one]] = Object.entries(places) as [[string, { name: string; version: string }]];
        const set = { lists: [list(registry.listOf({ [`node_modules/${at}`]: one }))] };
        t.match(await packages.install(set, waiter()), { problem: { kind, message, remedy } }, name);
      }),
    );
    const notThere = { lists: [lists[0]!, { ...lists[1]!, into: 'node_modules/editor/nowhere' }] };
    t.match(await packages.install(notThere, waiter()), {
      problem: { message: /there is no node_modules.editor.nowhere/ },
    });
    const part = JSON.parse(lists[0]!.text) as { packages: Record<string, unknown> };
    delete part.packages['node_modules/tiny'];
    const cut = { lists: [list(JSON.stringify(part))] };
    t.match(await packages.install(cut, waiter()), {
      problem: { kind: 'conflict', message: /is not whole.*\(Missing: tiny@1.0.0/ },
    });
    settings(t, { npm_config_registry: 'http://127.0.0.1:1/' });
    // Of its own, which nothing is kept of.
    const gone = { lists: [list(registry.listOf({ 'node_modules/editor': editor }))] };
    t.match(await make().install(gone, waiter()), { problem: { kind: 'index', message: /cannot be reached/ } });
  });

  await t.test(
    'a disk that is full is told, what was begun goes, and with room it goes on',
    { skip: noDisk },
    async (t) => {
      const disk = openSmallDisk(t, '2m');
      const { folder, packages } = open(t, { below: disk.folder });
      const set = { lists: [list(registry.listOf({ 'node_modules/heavy': { name: 'heavy', version: '1.0.0' } }))] };
      t.match(await packages.install(set, waiter()), {
        problem: { kind: 'disk-full', message: /The disk is full/, remedy: /Free some space/ },
      });
      t.strictSame(visibleIn(folder), []);
      disk.resize('64m');
      t.match(await packages.install(set, waiter()), { key: /^[0-9a-f]{24}$/, packages: 1 });
    },
  );

  await t.test('settings that name a variable: it is handed to npm, and no other is', async (t) => {
    const secret = randomBytes(12).toString('hex');
    const closed = await openRegistry(t, [{ name: 'ours', version: '1.0.0', files: { 'index.js': '1' } }], {
      token: secret,
    });
    const home = t.testdir({
      '.npmrc': `${closed.place}:_authToken=\${TINY_TOKEN}\n; \\\${TINY_ESCAPED} \${TINY_OPTIONAL?}\n`,
    });
    settings(t, { HOME: home, TINY_TOKEN: 'another' });
    const set = { lists: [list(closed.listOf({ 'node_modules/ours': { name: 'ours', version: '1.0.0' } }))] };
    const { packages } = open(t);
    t.match(await packages.install(set, waiter()), { problem: { kind: 'package', remedy: /npmrc/ } });
    settings(t, { TINY_TOKEN: secret });
    t.match(await packages.install(set, waiter()), { key: /^[0-9a-f]{24}$/ });
    const environment = { TINY_TOKEN: 'a', TINY_ESCAPED: 'b', TINY_OPTIONAL: 'c', OTHER: 'd' };
    t.strictSame(variablesNamedIn([join(home, '.npmrc'), join(home, 'none'), undefined], environment), {
      TINY_TOKEN: 'a',
      TINY_OPTIONAL: 'c',
    });
  });

  await t.test('a machine without npm', async (t) => {
    const { make } = open(t);
    settings(t, { PATH: t.testdir({}) });
    const needs = { executables: [], python: [], npm: [{ lock: 'package-lock.json', into: '' }] };
    t.match(await make().missing(needs), {
      kind: 'npm-missing',
      message: 'It needs npm, which is not installed on this machine.',
    });
    t.match(await make().install({ lists }, waiter()), { problem: { kind: 'npm-missing', remedy: /Node\.js/ } });
  });
});
