/**
 * `npm test`: sets up what the tests need, runs every `test/**` file through tap, prints one line a file (the whole output of a
 * failing one) and ends with the true counts. Arguments are files to run instead of all.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { prepare } from '../gateway/bin/prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

await prepare(root, { needsDashboard: true });
const environment = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH}`,
  KNOT_TEST_CACHE: process.env.KNOT_TEST_CACHE ?? join(root, '.cache'),
};
mkdirSync(environment.KNOT_TEST_CACHE, { recursive: true });
installPackages();
prepareEnvironments();
process.exitCode = await runTap(process.argv.slice(2));

/** Debian packages, when this is root on a Debian: elsewhere the tests that need them skip and say why. */
function installPackages() {
  const wanted = [
    ['chromium', () => existsSync('/usr/bin/chromium')],
    ['bubblewrap', () => existsSync('/usr/bin/bwrap')],
    ['postgresql', () => hasPostgres()],
    ['python3-venv', () => spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0],
    ['openssl', () => existsSync('/usr/bin/openssl')],
  ];
  const missing = wanted.filter(([, isThere]) => !isThere()).map(([name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  console.log(`Installing ${missing.join(', ')} …`);
  const apt = (...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', ...missing);
}

function hasPostgres() {
  return ['initdb', 'postgres'].every((name) =>
    [spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim(), ...versions()].some(
      (folder) => folder && existsSync(join(folder, name)),
    ),
  );
  function versions() {
    return [18, 17, 16, 15, 14, 13].map((version) => `/usr/lib/postgresql/${version}/bin`);
  }
}

/** Python environments are made before the tests, so that no test's time limit pays for a download. */
function prepareEnvironments() {
  const script = join(root, 'test', 'support', 'prepare-python.ts');
  if (!existsSync(script)) return;
  const { status } = spawnSync(join(bin, 'node'), [script], { cwd: root, env: environment, stdio: 'inherit' });
  if (status !== 0) console.log('A Python environment could not be made; the tests that need it will say so.');
}

async function runTap(files) {
  const child = spawn(join(bin, 'tap'), ['run', '--reporter=tap', ...files], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let block = [];
  let counts;
  for await (const line of createInterface({ input: child.stdout })) {
    const total = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?(?:, skip: (\d+))?/.exec(line);
    if (total) counts = { passed: Number(total[2]), failed: Number(total[3] ?? 0), skipped: Number(total[4] ?? 0) };
    const verdict = /^(ok|not ok) \d+ - (\S+)(.*)$/.exec(line);
    if (!verdict) {
      block.push(line);
      continue;
    }
    const [, status, file, rest] = verdict;
    if (status === 'not ok') console.log(block.join('\n'));
    for (const skipped of block.filter((entry) => / # SKIP/.test(entry))) console.log(`       ${skipped.trim()}`);
    console.log(`${status === 'ok' ? 'ok    ' : 'FAILED'} ${file}${rest}`);
    block = [];
  }
  const status = await new Promise((resolve) =>
    child.exitCode === null ? child.on('exit', resolve) : resolve(child.exitCode),
  );
  if (block.length > 0) console.log(block.join('\n'));
  counts ??= { passed: 0, failed: 0, skipped: 0 };
  // A file that crashed or ran out of time may have no failed assertion of its own.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}
