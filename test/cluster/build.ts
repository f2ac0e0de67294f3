/**
 * The programs of a test cluster. An installed set is used where `KUBEBUILDER_ASSETS` names its folder (or `TEST_ASSET_ETCD` and the
 * like one program; the names of controller-runtime's envtest); what that lacks is built from `test/cluster/module` by Go, once,
 * into the cache of the tests. Run by itself (`node test/cluster/build.ts`) it makes sure that everything is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, globSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { testCache } from '../support/process/test-cache.ts';

/** Of Kubernetes (client-go and the other libraries have the same minor and patch) and of Helm: as `module/go.mod` requires. */
const kubernetesVersion = requiredVersion('k8s.io/kubernetes');
const helmVersion = requiredVersion('helm.sh/helm/v4');

/** All of one binary: by its first argument it is one of these. */
const parts = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kubelet',
  'kube-proxy',
  'netpol',
] as const;
const builds = [
  { file: 'one', from: '.' },
  { file: 'kwok', from: 'sigs.k8s.io/kwok/cmd/kwok' },
  { file: 'helm', from: 'helm.sh/helm/v4/cmd/helm' },
] as const;

export type ProgramName = (typeof parts)[number] | 'kwok' | 'helm';

/** How each is run: the file and the arguments before its own. */
export type Programs = Record<ProgramName, readonly [string, ...string[]]>;

const module = join(import.meta.dirname, 'module');
/** Another checkout may still use a folder that is no longer ours. */
const unusedForMs = 7 * 24 * 3600 * 1000;

/**
 * Where the programs are; builds them where they are not yet.
 * With CI=true it is an error when there is no way to get them: what is never run there is never tested.
 */
export async function clusterPrograms(): Promise<Programs | { skip: string }> {
  const given = givenPrograms();
  const missing = [...parts, 'kwok', 'helm'].filter((name) => given[name as ProgramName] === undefined);
  // Only a real node needs these, and no installed set has them.
  if (missing.every((name) => ['kubelet', 'kube-proxy', 'netpol'].includes(name))) return given as Programs;
  const folder = join(testCache, `cluster-${hashOfSources()}`);
  if (isComplete(folder)) {
    utimesSync(folder, new Date(), new Date());
  } else {
    const reason = hasGo() ? undefined : `Go is not installed, and KUBEBUILDER_ASSETS has no ${missing.join(', ')}`;
    if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);
    if (reason !== undefined) return { skip: reason };
    await build(folder);
  }
  const one = parts.map((name) => [name, [join(folder, 'one'), name]] as const);
  const others = (['kwok', 'helm'] as const).map((name) => [name, [join(folder, name)]] as const);
  return { ...Object.fromEntries([...one, ...others]), ...given } as Programs;
}

/** As envtest looks: a variable for each program, then the folder of all. */
function givenPrograms(): Partial<Programs> {
  const found: Partial<Programs> = {};
  for (const name of [...parts, 'kwok', 'helm'] as const) {
    const variable = `TEST_ASSET_${name.toUpperCase().replaceAll('-', '_')}`;
    const assets = process.env['KUBEBUILDER_ASSETS'];
    const file = process.env[variable] ?? (assets === undefined ? undefined : join(assets, name));
    if (file !== undefined && isExecutable(file)) found[name] = [file];
  }
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const isComplete = (folder: string) => builds.every(({ file }) => existsSync(join(folder, file)));

const hasGo = () => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;

function requiredVersion(name: string): string {
  const text = readFileSync(join(import.meta.dirname, 'module', 'go.mod'), 'utf8');
  const version = text
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find(([path]) => path === name)?.[1];
  if (version === undefined) throw new Error(`test/cluster/module/go.mod does not require ${name}`);
  return version;
}

/** Stamped in, or Helm's check of a chart's `kubeVersion` fails. */
function linkerFlags(): string {
  const [major, minor] = kubernetesVersion.slice(1).split('.');
  const stamp = { gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const flags = ['-s', '-w'];
  for (const path of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']) {
    for (const [name, value] of Object.entries(stamp)) flags.push('-X', `${path}.${name}=${value}`);
  }
  flags.push('-X', `helm.sh/helm/v4/internal/version.version=${helmVersion}`);
  return flags.join(' ');
}

/** What decides how the programs come out. The version of Go does not: a newer one makes no other cluster. */
function hashOfSources(): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${linkerFlags()}`);
  for (const file of globSync('**/*', { cwd: module }).sort()) {
    if (!statSync(join(module, file)).isFile()) continue;
    hash.update(`\0${file}\0`).update(readFileSync(join(module, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Into a folder beside it first: another process sees all of it or nothing, and the last of two that build at once changes nothing. */
async function build(folder: string): Promise<void> {
  await mkdir(testCache, { recursive: true });
  const unfinished = await mkdtemp(join(testCache, '.cluster-'));
  console.error('Building the programs of the test cluster: minutes the first time, seconds when Go has them cached …');
  const startedAt = performance.now();
  try {
    for (const { file, from } of builds) await goBuild(join(unfinished, file), from);
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!isComplete(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  console.error(`Built in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
  await removeUnused(folder);
}

async function goBuild(output: string, from: string): Promise<void> {
  const child = spawn('go', ['build', '-ldflags', linkerFlags(), '-o', output, from], {
    cwd: module,
    // -trimpath as a flag of every command of Go: one without it would compile all of this again.
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -trimpath' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (status !== 0) throw new Error(`go build ${from} failed (${String(status)})`);
}

async function removeUnused(current: string): Promise<void> {
  for (const name of await readdir(testCache)) {
    const folder = join(testCache, name);
    if (!/^(cluster-[0-9a-f]{12}|\.cluster-.*)$/.test(name) || folder === current) continue;
    if (Date.now() - statSync(folder).mtimeMs > unusedForMs) await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const programs = await clusterPrograms();
  if ('skip' in programs) console.error(`No test cluster: ${String(programs.skip)}.`);
}
