import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { installerEnvironment, type InstallProgress, type InstallStep, readableForEverybody } from '../installer.ts';
import { type InstallWords, type Problem, saidBySystem } from '../problem.ts';
import type { Supervisor } from '../supervisor.ts';
import type { Npm } from './find-npm.ts';
import { countFor, listFor, manifestOf, type NpmList } from './lock.ts';
import { describeNpmProblem } from './npm-problem.ts';
import { variablesNamedIn } from './npmrc.ts';

/** Packages of npm in a folder, complete. */
export type NpmInstalled = { isInstalled: true; packages: number };
export type NpmInstallation = NpmInstalled | { isInstalled: false; problem: Problem };

export type NpmOptions = {
  supervisor: Supervisor;
  /** Becomes the installation: what is in it is thrown away first. */
  folder: string;
  npm: Npm;
  lists: readonly NpmList[];
  /** Names what is installed: another print is not the one that is wanted. */
  print: string;
  words: InstallWords;
  /** Starts a step elsewhere than in the gateway's own account and view of the machine; it may write what was given by `give`. */
  confine(step: InstallStep): InstallStep;
  /** A folder that the step writes into, and a file that it reads. */
  give(path: string): void;
  timeoutMs: number;
  signal: AbortSignal;
  onProgress(progress: InstallProgress): void;
};

type Marker = { print: string; packages: number };

const markerFile = (folder: string): string => join(folder, 'knot-installed.json');
const sizesFile = (folder: string): string => join(folder, 'knot-files.json');

/** The installation if it is complete and of this print. */
export function findNpmPackages(folder: string, print: string): NpmInstalled | undefined {
  try {
    const marker = JSON.parse(readFileSync(markerFile(folder), 'utf8')) as Partial<Marker>;
    if (marker.print !== print || typeof marker.packages !== 'number') return undefined;
    return { isInstalled: true, packages: marker.packages };
  } catch {
    return undefined; // Nothing there, or an installation that did not finish.
  }
}

/** What is wrong with a finished installation, in plain words: a file that is missing or of another size than it was made with. */
export async function findNpmDamage(folder: string): Promise<string | undefined> {
  let listed: [string, number][];
  try {
    listed = JSON.parse(readFileSync(sizesFile(folder), 'utf8')) as [string, number][];
  } catch {
    return 'its list of files is missing';
  }
  const now = new Map(await filesBelow(folder, 'node_modules'));
  const changed = listed.find(([file, size]) => now.get(file) !== size);
  return changed && `${changed[0]} is missing or changed`;
}

/**
 * Installs packages of npm: exactly what the lists name, with the digests they name, and no script of any package. npm knows one list a
 * folder; one that belongs into a package of another is installed beside it and moved there.
 */
export async function installNpmPackages(options: NpmOptions): Promise<NpmInstallation> {
  const { folder, lists, words, onProgress } = options;
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    makeFolder(folder);
    const counts = lists.map(({ text }) => countFor(text, process));
    const packages = counts.reduce((sum, count) => sum + count, 0);
    let before = 0;
    for (const [index, list] of lists.entries()) {
      const place = join(folder, `.list-${index}`);
      const result = await runNpm(options, place, list, { before, packages });
      if (result.code !== 0)
        return { isInstalled: false, problem: describeNpmProblem(result.output, result.reason, words) };
      before += counts[index]!;
    }
    onProgress({ step: 'install', message: 'Putting packages in place', progress: 0.95 });
    for (const [index, { into }] of lists.entries()) move(folder, join(folder, `.list-${index}`), into);
    writeFileSync(sizesFile(folder), JSON.stringify(await filesBelow(folder, 'node_modules')));
    // Last, so that one that was cut has none.
    writeFileSync(markerFile(folder), JSON.stringify({ print: options.print, packages } satisfies Marker));
    return { isInstalled: true, packages };
  } catch (error) {
    return { isInstalled: false, problem: describeNpmProblem([saidBySystem(error)], undefined, words) };
  }
}

async function runNpm(
  { supervisor, npm, confine, give, timeoutMs, signal, onProgress }: NpmOptions,
  place: string,
  { text }: NpmList,
  { before, packages }: { before: number; packages: number },
) {
  makeFolder(place);
  for (const [name, content] of [
    ['package.json', JSON.stringify(manifestOf(text))],
    ['package-lock.json', listFor(text)],
  ] as const) {
    writeFileSync(join(place, name), content);
    chmodSync(join(place, name), 0o644);
  }
  give(place);
  let seen = 0;
  const complaints: string[] = [];
  const onLine = (line: string): void => {
    if (/^npm (error|ERR!) /.test(line) && complaints.length < mostComplaints) complaints.push(line);
    const name = /^npm http .*\/([^/]+)\.tgz/.exec(line)?.[1];
    if (name === undefined) return;
    seen++;
    const done = Math.min(packages, before + seen);
    onProgress({
      step: 'download',
      message: `Downloading ${name} (${done} of ${packages})`,
      progress: 0.05 + (0.85 * done) / packages,
    });
  };
  onProgress({ step: 'download', message: `Downloading packages (${before} of ${packages})`, progress: 0.05 });
  const step = confine({
    command: process.execPath,
    args: [npm.cli, 'ci', '--prefix', place, ...npmOptions],
    env: { ...variablesNamedIn([join(homedir(), '.npmrc'), npm.settings]), ...installerEnvironment() },
    cwd: '/',
  });
  const result = await supervisor.run({ name: 'npm', ...step, signal, umask: readableForEverybody, timeoutMs, onLine });
  // What is wrong stands first, and how npm is used after it: more than the last lines that are kept.
  return complaints.length > 0 ? { ...result, output: complaints } : result;
}

const mostComplaints = 100;

const npmOptions = [
  // No code of a package runs while it is installed, and no compiler is needed.
  '--ignore-scripts',
  '--no-bin-links',
  '--omit=dev',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--no-progress',
  '--loglevel=http',
  '--logs-max=0',
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-factor=3',
];

/** Whatever the gateway's own umask is: those who install and use it have other accounts. */
function makeFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}

/** Packages of a list to where they belong. @throws when there is no such place */
function move(folder: string, place: string, into: string): void {
  const target = join(folder, into);
  if (!existsSync(target) || realpathSync(target) !== join(realpathSync(folder), into))
    throw new Error(`there is no ${into} in what is installed`);
  if (existsSync(join(place, 'node_modules'))) renameSync(join(place, 'node_modules'), join(target, 'node_modules'));
  rmSync(place, { recursive: true, force: true });
}

/** Files below a folder with their sizes. Links are listed as what they are, and lead nowhere. */
async function filesBelow(root: string, below: string): Promise<[string, number][]> {
  const found: [string, number][] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else found.push([path, (await lstat(join(root, path))).size]);
  }
  return found;
}
