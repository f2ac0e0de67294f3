import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { type Confinement, sandboxArguments } from './sandbox.ts';

export type Sandbox =
  | {
      isAvailable: true;
      command: string;
      confinement: Confinement;
      /** Why programs cannot get accounts of their own although this is root. */
      accountProblem?: string;
    }
  | {
      isAvailable: false;
      /** For everybody: no path, no output of a program. */
      reason: string;
      isInstalled: boolean;
      /** The last words of bubblewrap, for the log. */
      said?: string;
    };

export type SandboxSearch = {
  /** Folders to look for `bwrap` in, as in PATH. */
  searchPath?: string;
  /** Executables to try after those of the search path; absent ones are skipped. */
  further?: readonly string[];
  /** An account programs are to be given, where the gateway may do that (as root); without it no account is tried. */
  account?: { uid: number; gid: number };
};

const run = promisify(execFile);
const environment = { PATH: '/usr/bin:/bin' };

/**
 * Looks for bubblewrap and proves that it works here with everything `sandboxArguments` asks for: container runtimes and some
 * kernels refuse namespaces or a fresh /proc although the program is installed, and old releases lack flags. An installation
 * that does not work does not hide one that does.
 */
export async function findSandbox(search: SandboxSearch = {}): Promise<Sandbox> {
  if (process.platform !== 'linux') {
    return { isAvailable: false, isInstalled: false, reason: 'bubblewrap exists for Linux only' };
  }
  const { searchPath = process.env['PATH'] ?? '', further = [], account } = search;
  const commands = [...executablesIn(searchPath), ...further.filter(isExecutable)];
  if (commands.length === 0) {
    return { isAvailable: false, isInstalled: false, reason: 'bubblewrap (bwrap) is not installed' };
  }
  const refusals: string[] = [];
  const firstWorking = async (confinement: Confinement) => {
    for (const command of commands) {
      const refusal = await tryOut(command, confinement);
      if (refusal === undefined) return command;
      refusals.push(refusal);
    }
    return undefined;
  };
  const accountProblem = account === undefined ? undefined : await tryAccount(account);
  if (account !== undefined && accountProblem === undefined) {
    const command = await firstWorking('account');
    if (command !== undefined) return { isAvailable: true, command, confinement: 'account' };
  }
  const command = await firstWorking('namespace');
  if (command !== undefined) {
    const problem = account && (accountProblem ?? 'only user namespaces are allowed here');
    return { isAvailable: true, command, confinement: 'namespace', ...(problem && { accountProblem: problem }) };
  }
  const said = refusals.at(-1);
  return {
    isAvailable: false,
    isInstalled: true,
    reason: 'bubblewrap is installed, but this system does not let it work',
    ...(said && { said }),
  };
}

/** What an operator can do where there is no sandbox; undefined where there is one. */
export function cureOf(sandbox: Sandbox): string | undefined {
  if (sandbox.isAvailable) return undefined;
  if (process.platform !== 'linux')
    return 'Run Knot on Linux (a virtual machine or a container with namespaces will do).';
  return sandbox.isInstalled
    ? 'Allow user namespaces and start Knot again: on Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian `sysctl kernel.unprivileged_userns_clone=1`, in a container by its seccomp profile.'
    : 'Install bubblewrap (apt install bubblewrap, dnf install bubblewrap) and start Knot again.';
}

/** Starts an empty program in a sandbox; undefined when that worked, else what bubblewrap said. */
async function tryOut(command: string, confinement: Confinement): Promise<string | undefined> {
  const [, ...trial] = sandboxArguments({
    command,
    confinement,
    readOnly: [],
    home: { source: '/usr', target: '/home/trial' },
    mounts: [],
    hidden: [],
  });
  try {
    await run(command, [...trial, 'true'], { timeout: 10_000, env: environment });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: unknown; message: string };
    return (typeof stderr === 'string' && stderr.trim().split('\n').at(-1)) || message;
  }
}

/** Starts an empty program as another account: root without the right to do so, or with few accounts, exists in containers. */
async function tryAccount(account: { uid: number; gid: number }): Promise<string | undefined> {
  try {
    await run('true', [], { timeout: 10_000, env: environment, ...account });
    return undefined;
  } catch {
    return `no program can be started as account ${account.uid}`;
  }
}

function executablesIn(searchPath: string): string[] {
  const folders = searchPath.split(delimiter).filter((folder) => isAbsolute(folder));
  return [...new Set(folders.map((folder) => join(folder, 'bwrap')))].filter(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
