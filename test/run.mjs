/**
 * `npm test`: sets up what the tests need, runs every `test/**` file, prints one line a file (the whole output of a
 * failing one) and ends with the true counts. Arguments are files to run instead of all.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../gateway/bin/prepare.mjs';
import { inTurns, watchProcessors } from './in-turns.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
/** No file needs a third of this; one that hangs must not hang the run. tap ends it and says what hung. */
const fileTimeoutMs = 20 * 60 * 1000;
/** One that even tap cannot end. */
const killAfterMs = fileTimeoutMs + 60_000;

await prepare(root, { needsDashboard: true });
const environment = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH}`,
  // Where gateways have it too: each file is a process, and each would compile the same modules.
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'knot'),
};
/** What each file took when it last passed here, by its name. */
const secondsFile = join(process.env.KNOT_TEST_CACHE ?? join(root, '.cache'), 'seconds.json');
mkdirSync(dirname(secondsFile), { recursive: true });
const given = process.argv.slice(2);
/** Where files leave what gateways asked of a cluster, for the comparison with the roles of the chart. */
const callsFolder = join(dirname(secondsFile), `calls-${process.pid}`);
mkdirSync(callsFolder);
environment.CALLS_OF_RUN = callsFolder;
installPackages();
await Promise.all([prepareEnvironments(), prepareCluster()]);
process.exitCode = await runFiles(given.length > 0 ? given : testFiles());
rmSync(callsFolder, { recursive: true, force: true });

/** Debian packages, when this is root on a Debian: elsewhere the tests that need them skip and say why. */
function installPackages() {
  const wanted = [
    ['chromium-headless-shell', hasBrowser],
    ['bubblewrap', () => existsSync('/usr/bin/bwrap')],
    ['postgresql', () => hasPostgres()],
    ['python3-venv', () => spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0],
    ['openssl', () => existsSync('/usr/bin/openssl')],
    ['redis-server', () => existsSync('/usr/bin/redis-server')],
    // A desktop.
    ['tigervnc-standalone-server', () => existsSync('/usr/bin/Xtigervnc')],
    ['openbox', () => existsSync('/usr/bin/openbox')],
    ['xterm', () => existsSync('/usr/bin/xterm')],
    ['novnc', () => existsSync('/usr/share/novnc')],
    // A real node of a cluster.
    ['containerd', () => existsSync('/usr/bin/containerd')],
    ['runc', () => existsSync('/usr/sbin/runc')],
    ['containernetworking-plugins', () => existsSync('/usr/lib/cni/bridge')],
    ['iptables', () => existsSync('/usr/sbin/iptables')],
    ['nftables', () => existsSync('/usr/sbin/nft')],
    ['ipset', () => existsSync('/usr/sbin/ipset')],
    ['iproute2', () => existsSync('/usr/sbin/ip') || existsSync('/sbin/ip')],
    ['procps', () => existsSync('/usr/sbin/sysctl') || existsSync('/sbin/sysctl')],
    ['busybox', () => existsSync('/bin/busybox')],
    // A registry of images, and a client.
    ['docker-registry', () => existsSync('/usr/bin/docker-registry')],
    ['skopeo', () => existsSync('/usr/bin/skopeo')],
    // What holds the metrics of a cluster.
    ['prometheus', () => existsSync('/usr/bin/prometheus') && existsSync('/usr/bin/promtool')],
    // Clients of WebDAV.
    ['rclone', () => existsSync('/usr/bin/rclone')],
    ['cadaver', () => existsSync('/usr/bin/cadaver')],
    ['davfs2', () => existsSync('/usr/sbin/mount.davfs') || existsSync('/sbin/mount.davfs')],
  ];
  const missing = wanted.filter(([, isThere]) => !isThere()).map(([name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  console.log(`Installing ${missing.join(', ')} …`);
  const apt = (...args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  const install = (...names) => apt('install', '-y', '-qq', '--no-install-recommends', ...names).status === 0;
  apt('update', '-qq');
  // One that is not to be had here would keep all others away.
  if (!install(...missing)) for (const name of missing) install(name);
  if (!hasBrowser()) install('chromium');
}

function hasBrowser() {
  return ['chromium-headless-shell', 'chromium'].some((name) => existsSync(`/usr/bin/${name}`));
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
async function prepareEnvironments() {
  const isMade = await succeeds(join(root, 'test', 'support', 'process', 'prepare-python.ts'));
  if (!isMade) console.log('A Python environment could not be made; the tests that need it will say so.');
}

/**
 * The programs of the test cluster, and Argo Workflows beside it, are built once as well, but for nobody who runs a few files that need none
 * of them. One after the other: each takes all processors.
 */
async function prepareCluster() {
  for (const [folder, what] of [
    [join(root, 'test', 'cluster'), 'The test cluster'],
    [join(root, 'test', 'cluster', 'argo'), 'Argo Workflows'],
  ]) {
    if (given.length > 0 && !given.some((file) => needs(folder, resolve(root, file)))) continue;
    const isMade = await succeeds(join(folder, 'build.ts'));
    if (!isMade) console.log(`${what} could not be built; the tests that need it will say so.`);
  }
}

/** Only of a whole run can be said that nobody used a right; elsewhere than in CI some files may have had no cluster, or all. */
async function compareRights() {
  const isWhole = given.length === 0 && process.env.CI === 'true';
  if (readdirSync(callsFolder).length === 0 && !isWhole) return undefined;
  const words = [callsFolder, isWhole ? 'whole' : 'partial'];
  return (await succeeds(join(root, 'test', 'charts', 'rights-of-run.ts'), ...words)) ? 'passed' : 'failed';
}

function succeeds(script, ...words) {
  return new Promise((resolve) => {
    const child = spawn(join(bin, 'node'), [script, ...words], { cwd: root, env: environment, stdio: 'inherit' });
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}

/** Whether a file is one of a folder of tests, or imports one, or what it imports does. */
function needs(folder, file, seen = new Set()) {
  if (file.startsWith(folder + sep)) return true;
  if (seen.has(file) || !existsSync(file) || !file.startsWith(join(root, 'test'))) return false;
  seen.add(file);
  return [...readFileSync(file, 'utf8').matchAll(/(?:from|import|import\() ?'(\.[^']+)'/g)].some(([, name]) =>
    needs(folder, resolve(dirname(file), name), seen),
  );
}

/**
 * Each file runs as a process of its own, by Node alone: tap's own runner hands its loaders on to every process a test starts, so
 * that no gateway and no tool would run as it really does.
 */
async function runFiles(files) {
  const seconds = readSeconds();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const work = async (file) => {
    const result = await runFile(file);
    const { passed, failed, skipped } = report(file, result);
    if (failed === 0) seconds[file] = Math.round(result.seconds * 10) / 10;
    counts.passed += passed;
    counts.failed += failed;
    counts.skipped += skipped;
  };
  const atOnce = Math.max(2, availableParallelism());
  // Many files mostly wait: for a pod, for a time limit, for a program to start.
  const most = atOnce + Math.ceil(atOnce / 2);
  await inTurns(longestFirst(files, seconds), work, { atOnce, most, isIdle: watchProcessors() });
  writeFileSync(secondsFile, JSON.stringify(seconds, null, 1));
  // One more test, of all files together; nothing is said after the counts.
  const together = await compareRights();
  if (together !== undefined) counts[together] += 1;
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function testFiles() {
  return readdirSync(join(root, 'test'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('fixtures'))
    .map((file) => join('test', file))
    .sort();
}

/** So that the last minutes are not one process's alone. Those of a kind that is often long come first where nothing is known yet. */
function longestFirst(files, seconds) {
  const isLong = (file) => /(journeys|integrations|attacks|browser|policy|main)/.test(file);
  const expected = (file) => seconds[file] ?? (isLong(file) ? 60 : 1);
  return files.toSorted((a, b) => expected(b) - expected(a));
}

/** Nothing where no run has ended yet. */
function readSeconds() {
  try {
    return { ...JSON.parse(readFileSync(secondsFile, 'utf8')) };
  } catch {
    return {};
  }
}

function runFile(file) {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const child = spawn(join(bin, 'node'), [file], {
      cwd: root,
      env: { ...environment, TAP_TIMEOUT: String(fileTimeoutMs / 1000) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        output,
        isOk: code === 0,
        ended: signal ?? `status ${code}`,
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
  });
}

/** Prints one line, everything of a file that failed, and the reason of each skip. */
function report(file, { output, isOk, ended, seconds }) {
  const total = [...output.matchAll(/^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?/gm)].at(
    -1,
  );
  const [passed, failed, skipped] = [2, 3, 4].map((index) => Number(total?.[index] ?? 0));
  const hasFailed = !isOk || failed > 0 || passed + skipped === 0;
  if (hasFailed) console.log(output);
  for (const line of output.split('\n')) if (/# SKIP/.test(line)) console.log(`       ${line.trim()}`);
  console.log(`${hasFailed ? `FAILED (${ended})` : 'ok    '} ${file} ${passed} passed in ${seconds.toFixed(1)} s`);
  // A file that crashed, hung or tested nothing may have no failed assertion of its own.
  return { passed, failed: hasFailed ? Math.max(1, failed) : 0, skipped };
}
