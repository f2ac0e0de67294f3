/**
 * The programs of a test cluster. An installed set is used where `KUBEBUILDER_ASSETS` names its folder (or `TEST_ASSET_ETCD` and the
 * like one program; the names of controller-runtime's envtest); what that lacks is built from `test/cluster/module` by Go, once,
 * into the cache of the tests. Run by itself (`node test/cluster/build.ts`) it makes sure that everything is there.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, hasGo, makeOnce, markUsed, requiredVersion, runGo } from '../support/process/go-programs.ts';

const module = join(import.meta.dirname, 'module');

/** Of Kubernetes (client-go and the other libraries have the same minor and patch) and of Helm: as `module/go.mod` requires. */
const kubernetesVersion = requiredVersion(module, 'k8s.io/kubernetes');
const helmVersion = requiredVersion(module, 'helm.sh/helm/v4');

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

const kind = 'cluster';

/**
 * Where the programs are; builds them where they are not yet.
 * With CI=true it is an error when there is no way to get them: what is never run there is never tested.
 */
export async function clusterPrograms(): Promise<Programs | { skip: string }> {
  const given = givenPrograms();
  const missing = [...parts, 'kwok', 'helm'].filter((name) => given[name as ProgramName] === undefined);
  // Only a real node needs these, and no installed set has them.
  if (missing.every((name) => ['kubelet', 'kube-proxy', 'netpol'].includes(name))) return given as Programs;
  const folder = folderOf(kind, module, linkerFlags());
  if (isComplete(folder)) {
    markUsed(folder);
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

async function build(folder: string): Promise<void> {
  await makeOnce(kind, folder, isComplete, async (unfinished) => {
    for (const { file, from } of builds) await goBuild(join(unfinished, file), from);
  });
}

const goBuild = (output: string, from: string): Promise<void> =>
  runGo(module, ['build', '-ldflags', linkerFlags(), '-o', output, from]);

if (import.meta.main) {
  const programs = await clusterPrograms();
  if ('skip' in programs) console.error(`No test cluster: ${String(programs.skip)}.`);
}
