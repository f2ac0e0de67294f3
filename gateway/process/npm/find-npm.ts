import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { systemEnvironment } from '../environment.ts';
import type { InstallWords, Problem } from '../problem.ts';
import type { Supervisor } from '../supervisor.ts';

export type Npm = {
  /** The program, for Node.js to run. */
  cli: string;
  /** The folder of its installation, which it needs whole. */
  folder: string;
  version: string;
  /** What its operator says for everybody: a registry, a certificate (npm, "npmrc"); absent where nothing is said. */
  settings: string | undefined;
};

/** The first that takes a list of packages as it is (npm 7 makes lists of version 2, npm 9 is the oldest that has fixes). */
const oldestMajor = 9;

/**
 * Finds the npm of this machine. It is run by the Node.js of Knot: what starts it in a shell is only looked through for where it lies.
 */
export async function findNpm(
  supervisor: Supervisor,
  facts: { searchPath: string; words: InstallWords; signal?: AbortSignal },
): Promise<Npm | Problem> {
  let tooOld: string | undefined;
  for (const starter of facts.searchPath.split(delimiter).map((folder) => join(folder, 'npm'))) {
    const cli = programOf(starter);
    if (cli === undefined) continue;
    const { code, output } = await supervisor.run({
      name: 'find-npm',
      command: process.execPath,
      args: [cli, '--version'],
      env: systemEnvironment(),
      cwd: '/',
      ...(facts.signal && { signal: facts.signal }),
      timeoutMs: 20_000,
    });
    const [version, major] = (code === 0 && /^(\d+)\.\d+\.\d+\S*$/m.exec(output.at(-1) ?? '')) || [];
    if (version === undefined) continue;
    if (Number(major) < oldestMajor) {
      tooOld ??= version;
      continue;
    }
    const settings = join(dirname(dirname(starter)), 'etc/npmrc');
    return { cli, folder: dirname(dirname(cli)), version, settings: existsSync(settings) ? settings : undefined };
  }
  return describeAbsence(tooOld, facts.words);
}

/** `/usr/bin/npm` is a link to `…/npm/bin/npm-cli.js`; a starter of another kind leads nowhere. */
function programOf(starter: string): string | undefined {
  try {
    accessSync(starter, constants.R_OK);
    const cli = realpathSync(starter);
    return cli.endsWith('/bin/npm-cli.js') ? cli : undefined;
  } catch {
    return undefined;
  }
}

function describeAbsence(tooOld: string | undefined, { needs, again }: InstallWords): Problem {
  return {
    kind: 'npm-missing',
    message:
      tooOld === undefined
        ? `${needs} npm, which is not installed on this machine.`
        : `${needs} npm ${oldestMajor} or newer; found ${tooOld}.`,
    remedy: `Install it with Node.js: from nodejs.org, or as npm of the system (apt, dnf, brew). ${again}`,
  };
}
