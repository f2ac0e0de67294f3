import { accessSync, chmodSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandResult } from '../command.ts';
import { installerEnvironment, type InstallProgress, type InstallStep, readableForEverybody } from '../installer.ts';
import type { Supervisor } from '../supervisor.ts';
import { packagesIn } from './damage.ts';
import { findPython, type Python } from './find-python.ts';
import { describePipProblem, describeSystemProblem } from './pip-problem.ts';
import type { InstallWords, Problem } from '../problem.ts';

/** A finished Python environment. */
export type Installed = { isInstalled: true; python: string; basePrefix: string; packages?: string[] };
export type Installation = Installed | { isInstalled: false; problem: Problem };

export type InstallOptions = {
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  /** Arguments of `pip install` that say what: packages, `--requirement FILE`. */
  what: readonly string[];
  /** How many packages that will be; undefined when pip is to find out. */
  total: number | undefined;
  /** Names what is installed: an environment of another print is not the one that is wanted. */
  print: string;
  words: InstallWords;
  /** Nobody installs anything further into it: pip is run from where it came with Python, which saves seconds. */
  isWithoutPip?: boolean;
  /** A Python that was found before. */
  python?: Python;
  /** Starts a step elsewhere than in the gateway's own account and view of the machine. */
  confine?(step: InstallStep, python: Python): InstallStep;
  /** Whatever has to be put into it besides packages. */
  finish?(venvFolder: string): void;
  /** For the whole; without it there is no limit. */
  timeoutMs?: number;
  signal: AbortSignal;
  onProgress(progress: InstallProgress): void;
};

/** What a finished environment was made from; written last, so that an interrupted installation has none. */
type Marker = { requirements: string; basePrefix: string; packages?: string[] };

/** The environment if it is complete and of this print. Starts no process: this is the whole cost of a second start. */
export function findEnvironment(venvFolder: string, print: string): Installed | undefined {
  const python = interpreter(venvFolder);
  try {
    // Fails also when the system's Python that the environment links to was removed.
    accessSync(python, constants.X_OK);
    const marker = JSON.parse(readFileSync(markerFile(venvFolder), 'utf8')) as Partial<Marker>;
    if (marker.requirements !== print || typeof marker.basePrefix !== 'string') return undefined;
    const { basePrefix, packages } = marker;
    return { isInstalled: true, python, basePrefix, ...(Array.isArray(packages) && { packages }) };
  } catch {
    return undefined; // Nothing there, or an installation that did not finish.
  }
}

/**
 * Makes a Python environment. An unfinished one is thrown away first: what pip leaves when it is killed half-way looks installed to
 * the next pip. Downloaded packages stay in pip's own cache, so nothing is fetched twice.
 */
export async function installEnvironment(options: InstallOptions): Promise<Installation> {
  const { supervisor, venvFolder, searchPath, words, signal, onProgress, finish } = options;
  const parent = dirname(venvFolder);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  onProgress({ step: 'python', message: 'Looking for Python', progress: 0 });
  const python = options.python ?? (await findPython(supervisor, { searchPath, cwd: parent, signal, words }));
  if ('kind' in python) return { isInstalled: false, problem: python };

  onProgress({ step: 'environment', message: 'Creating a Python environment', progress: 0.02 });
  const fail = (result: { output: readonly string[]; reason?: string }): Installation => ({
    isInstalled: false,
    problem: describePipProblem(result.output, result.reason, words),
  });
  try {
    rmSync(venvFolder, { recursive: true, force: true, maxRetries: 3 });
    // So that a confined installer may write here and nowhere beside it.
    if (options.confine) {
      mkdirSync(venvFolder);
      chmodSync(venvFolder, 0o755);
    }
  } catch (error) {
    return { isInstalled: false, problem: describeSystemProblem(error, words) };
  }
  const run = createRun(options, python);
  const pip = options.isWithoutPip && python.pip !== '' ? [`${python.pip}/pip`] : ['-m', 'pip'];
  const makes = pip[0] === '-m' ? [] : ['--without-pip'];
  const made = await run('venv', ['-I', '-m', 'venv', '--clear', ...makes, venvFolder], { isBase: true });
  if (made.code !== 0) return fail(made);

  const installed = await runPip(options, pip, run);
  if (installed.code !== 0) return fail(await explained(installed, pip, run));
  try {
    finish?.(venvFolder);
    const { basePrefix } = python;
    const packages = packagesIn(venvFolder);
    const marker: Marker = { requirements: options.print, basePrefix, packages };
    writeFileSync(markerFile(venvFolder), JSON.stringify(marker));
    return { isInstalled: true, python: interpreter(venvFolder), basePrefix, packages };
  } catch (error) {
    return { isInstalled: false, problem: describeSystemProblem(error, words) };
  }
}

type Run = (
  name: string,
  args: readonly string[],
  more?: { isBase?: boolean; onLine?: (line: string) => void },
) => Promise<CommandResult>;

function createRun(options: InstallOptions, python: Python): Run {
  const { supervisor, venvFolder, searchPath, signal, timeoutMs, confine } = options;
  const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  return async (name, args, { isBase = false, onLine } = {}) => {
    // Inside a sandbox only the program itself is sure to be there, no starter of it.
    const base = confine ? python.executable : python.command;
    const step: InstallStep = {
      command: isBase ? base : interpreter(venvFolder),
      args,
      env: { ...installerEnvironment(), PATH: searchPath },
      cwd: dirname(venvFolder),
    };
    return supervisor.run({
      name,
      ...(confine ? confine(step, python) : step),
      signal,
      umask: readableForEverybody,
      ...(onLine && { onLine }),
      ...(deadline !== undefined && { timeoutMs: Math.max(1, deadline - performance.now()) }),
    });
  };
}

async function runPip(options: InstallOptions, pip: readonly string[], run: Run): Promise<CommandResult> {
  const { venvFolder, onProgress, what } = options;
  let { total } = options;
  let collected = 0;
  let counting: NodeJS.Timeout | undefined;
  const of = (): string => (total === undefined ? '' : ` of ${total}`);
  const onLine = (line: string) => {
    if (line.startsWith('Ignoring ')) total = total && total - 1;
    else if (line.startsWith('Collecting ')) {
      collected++;
      const name = /^Collecting ([A-Za-z0-9._-]+?)(?:[=<>!~ ;[]|$)/.exec(line)?.[1] ?? '';
      onProgress({
        step: 'download',
        message: `Downloading ${name} (${collected}${of()})`,
        progress: 0.08 + 0.42 * (total === undefined ? 1 - 1 / (1 + collected / 20) : Math.min(1, collected / total)),
      });
    } else if (line.startsWith('Installing collected packages')) {
      const before = packagesIn(venvFolder).length;
      const all = (total ??= line.split(',').length);
      const report = () => {
        const done = Math.max(0, Math.min(all, packagesIn(venvFolder).length - before));
        onProgress({
          step: 'install',
          message: `Installing packages (${done} of ${all})`,
          progress: 0.5 + 0.42 * (done / all),
        });
      };
      report();
      counting = setInterval(report, 500);
    }
  };
  try {
    // Wheels only: no code of a package runs while it is installed, and no compiler is needed.
    return await run('pip', ['-I', ...pip, 'install', ...pipOptions, '--only-binary', ':all:', ...what], {
      onLine,
    });
  } finally {
    clearInterval(counting);
  }
}

const pipOptions = ['--no-input', '--disable-pip-version-check', '--progress-bar', 'off', '--retries', '3'];

/** pip says the same of a package that is not there and of one that has no file for this machine; asked again, it says more. */
async function explained(failed: CommandResult, pip: readonly string[], run: Run): Promise<CommandResult> {
  const [, name] = /satisfies the requirement (\S+==\S+) \(/.exec(failed.output.join('\n')) ?? [];
  if (name === undefined || /NewConnectionError|ReadTimeout|ConnectTimeout/.test(failed.output.join('\n')))
    return failed;
  const version = name.split('==')[1]!;
  const reasons = new Set<string>();
  const onLine = (line: string): void => {
    const [, reason] =
      /(none of the wheel's tags|No binaries permitted|Link requires a different Python)/.exec(line) ?? [];
    if (reason !== undefined && line.includes(version) && reasons.size < 3) reasons.add(reason);
  };
  const args = ['-I', ...pip, 'download', '-vv', '--dest', '/tmp', ...pipOptions, '--no-deps'];
  await run('pip-explain', [...args, '--only-binary', ':all:', name], { onLine });
  return { ...failed, output: [...failed.output, ...[...reasons].map((reason) => `hint: ${reason}`)] };
}

export function interpreter(venvFolder: string): string {
  return join(venvFolder, 'bin', 'python');
}

function markerFile(venvFolder: string): string {
  return join(venvFolder, 'knot-installed.json');
}
