import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Supervisor, systemEnvironment } from '../../process/index.ts';
import { describePipProblem } from './pip-problem.ts';
import { findPython, type Problem } from './python.ts';
import { packagesIn } from './damage.ts';
import { environmentAdditions, writeEnvironmentAdditions } from './venv-files.ts';
import { sitePackagesOf } from './venv-folder.ts';

const shippedRequirements = join(import.meta.dirname, 'requirements.txt');

export type Installation =
  | { isInstalled: true; python: string; basePrefix: string; packages?: string[] }
  | { isInstalled: false; problem: Problem };

/** People's servers may run under other accounts than the gateway; nothing in the environment is a secret. */
export const readableForEverybody = 0o022;

/** `done` of `known` is real: packages seen in pip's output or on the disk, of those the list names. */
export type InstallProgress = { step: string; message: string; progress: number };

export type InstallOptions = {
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  /** What to install; by default the list beside this file. */
  requirementsFile?: string;
  signal: AbortSignal;
  onProgress(progress: InstallProgress): void;
};

/** What a finished environment was made from; written last, so that an interrupted installation has none. */
type Marker = { requirements: string; basePrefix: string; packages?: string[] };

/**
 * The environment if it is complete and made from the present list. Starts no process: this is the whole cost of a second
 * start.
 */
export function findInstallation(
  venvFolder: string,
  requirementsFile = shippedRequirements,
): Extract<Installation, { isInstalled: true }> | undefined {
  const python = interpreter(venvFolder);
  try {
    // Fails also when the system's Python that the environment links to was removed.
    accessSync(python, constants.X_OK);
    const marker = JSON.parse(readFileSync(markerFile(venvFolder), 'utf8')) as Partial<Marker>;
    if (marker.requirements !== requirementsHash(requirementsFile) || typeof marker.basePrefix !== 'string')
      return undefined;
    const { basePrefix, packages } = marker;
    return { isInstalled: true, python, basePrefix, ...(Array.isArray(packages) && { packages }) };
  } catch {
    return undefined; // Nothing there, or an installation that did not finish.
  }
}

/**
 * Makes the Python environment of the hub. An unfinished one is thrown away first: what pip leaves when it is killed half-way
 * looks installed to the next pip. Downloaded packages stay in pip's own cache, so nothing is fetched twice.
 */
export async function install(options: InstallOptions): Promise<Installation> {
  const { supervisor, venvFolder, signal, onProgress, requirementsFile = shippedRequirements } = options;
  const parent = dirname(venvFolder);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  onProgress({ step: 'python', message: 'Looking for Python', progress: 0 });
  const python = await findPython(supervisor, { searchPath: options.searchPath, cwd: parent, signal });
  if ('kind' in python) return { isInstalled: false, problem: python };

  onProgress({ step: 'environment', message: 'Creating a Python environment', progress: 0.02 });
  const env = { ...installerEnvironment(), PATH: options.searchPath };
  const fail = (result: { output: readonly string[]; reason?: string }): Installation => ({
    isInstalled: false,
    problem: describePipProblem(result.output, result.reason),
  });
  try {
    rmSync(venvFolder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    return fail({ output: [error instanceof Error ? error.message : String(error)] });
  }
  const made = await supervisor.run({
    name: 'venv',
    command: python.command,
    args: ['-I', '-m', 'venv', '--clear', venvFolder],
    env,
    cwd: parent,
    signal,
    umask: readableForEverybody,
  });
  if (made.code !== 0) return fail(made);

  const installed = await runPip({ ...options, requirementsFile }, env);
  if (installed.code !== 0) return fail(installed);
  try {
    writeEnvironmentAdditions(venvFolder);
    const { basePrefix } = python;
    const packages = packagesIn(sitePackagesOf(venvFolder)!);
    const marker: Marker = { requirements: requirementsHash(requirementsFile), basePrefix, packages };
    writeFileSync(markerFile(venvFolder), JSON.stringify(marker));
  } catch (error) {
    return fail({ output: [error instanceof Error ? error.message : String(error)] });
  }
  return { isInstalled: true, python: interpreter(venvFolder), basePrefix: python.basePrefix };
}

async function runPip(options: InstallOptions & { requirementsFile: string }, env: Record<string, string>) {
  const { supervisor, venvFolder, signal, onProgress, requirementsFile } = options;
  let total = readRequirements(requirementsFile).length;
  let collected = 0;
  let counting: NodeJS.Timeout | undefined;
  const sitePackages = () => readSitePackages(venvFolder).filter((name) => name.endsWith('.dist-info')).length;
  const onLine = (line: string) => {
    if (line.startsWith('Ignoring ')) total--;
    else if (line.startsWith('Collecting ')) {
      collected++;
      const name = /^Collecting ([A-Za-z0-9._-]+?)(?:[=<>!~ ;[]|$)/.exec(line)?.[1] ?? '';
      onProgress({
        step: 'download',
        message: `Downloading ${name} (${collected} of ${total})`,
        progress: 0.08 + 0.42 * Math.min(1, collected / total),
      });
    } else if (line.startsWith('Installing collected packages')) {
      const before = sitePackages();
      const report = () => {
        const done = Math.max(0, Math.min(total, sitePackages() - before));
        onProgress({
          step: 'install',
          message: `Installing packages (${done} of ${total})`,
          progress: 0.5 + 0.42 * (done / total),
        });
      };
      report();
      counting = setInterval(report, 500);
    }
  };
  try {
    return await supervisor.run({
      name: 'pip',
      command: interpreter(venvFolder),
      args: [
        ...['-I', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'],
        // Wheels only: no code of a package runs while it is installed, and no compiler is needed.
        ...['--no-deps', '--only-binary', ':all:', '--retries', '3', '--requirement', requirementsFile],
      ],
      env,
      cwd: dirname(venvFolder),
      signal,
      umask: readableForEverybody,
      onLine,
    });
  } finally {
    clearInterval(counting);
  }
}

/** Proxy, certificate and pip settings of the operator reach the installer (and nothing else). */
export function installerEnvironment(): Record<string, string> {
  const environment = systemEnvironment();
  const isForInstaller =
    /^(PIP_.+|https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|XDG_CACHE_HOME)$/i;
  const wouldMislead = new Set([
    'PIP_TARGET',
    'PIP_PREFIX',
    'PIP_ROOT',
    'PIP_USER',
    'PIP_REQUIREMENT',
    'PIP_CONSTRAINT',
    'PIP_DRY_RUN',
  ]);
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && isForInstaller.test(name) && !wouldMislead.has(name)) environment[name] = value;
  }
  return environment;
}

export function interpreter(venvFolder: string): string {
  return join(venvFolder, 'bin', 'python');
}

function markerFile(venvFolder: string): string {
  return join(venvFolder, 'knot-installed.json');
}

function readRequirements(requirementsFile: string): string[] {
  return readFileSync(requirementsFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Changes when the list, or anything this module adds to the environment, changes. */
function requirementsHash(requirementsFile: string): string {
  return createHash('sha256')
    .update(readFileSync(requirementsFile))
    .update(JSON.stringify(environmentAdditions))
    .digest('hex');
}

function readSitePackages(venvFolder: string): string[] {
  const folder = sitePackagesOf(venvFolder);
  return folder === undefined ? [] : readdirSync(folder);
}
