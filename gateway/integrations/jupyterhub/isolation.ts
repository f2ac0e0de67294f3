import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/index.ts';
import type { ComponentHealth } from '../../lib/index.ts';
import {
  cureOf,
  describePipProblem,
  findSandbox,
  installerEnvironment,
  interpreter,
  readableForEverybody,
  type Sandbox,
  sandboxIn,
  sandboxRequirements,
  type SandboxSearch,
  type Supervisor,
} from '../../process/index.ts';
import { hubWords } from './install.ts';

type HubConfig = Config['integrations']['jupyterhub'];

/** What stands between the notebook servers of people, and between them and the gateway. */
export type Isolation = {
  sandbox: Sandbox;
  /** Whose servers start. Without a sandbox a server can do what the gateway can: only admins may have that anyway. */
  startsFor: 'everyone' | 'admins';
};

/**
 * Finds the sandbox of this machine, or installs one beside the hub when there is none that works, and says whose servers may
 * start. Never rejects for want of a sandbox.
 */
export async function provideIsolation(options: {
  config: Pick<HubConfig, 'isolation' | 'accounts'>;
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  signal: AbortSignal;
  /** Instead of this machine's. */
  find?: typeof findSandbox;
}): Promise<Isolation> {
  const { config, venvFolder, searchPath, find = findSandbox } = options;
  const { first } = config.accounts;
  const search = (): SandboxSearch => {
    const shipped = sandboxIn(venvFolder);
    return {
      searchPath,
      ...(shipped !== undefined && { further: [shipped] }),
      ...(process.getuid?.() === 0 && { account: { uid: first + 1, gid: first } }),
    };
  };
  let sandbox = await find(search());
  if (!sandbox.isAvailable && process.platform === 'linux' && !existsSync(sandboxIn(venvFolder) ?? '')) {
    const problem = await installSandbox(options);
    sandbox = await find(search());
    if (!sandbox.isAvailable && problem !== undefined) sandbox = { ...sandbox, said: sandbox.said ?? problem };
  }
  return { sandbox, startsFor: sandbox.isAvailable || config.isolation === 'trusted-users' ? 'everyone' : 'admins' };
}

/** Undefined when it is there now, else why not. */
async function installSandbox(options: {
  supervisor: Supervisor;
  venvFolder: string;
  searchPath: string;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const { supervisor, venvFolder, searchPath, signal } = options;
  const result = await supervisor.run({
    name: 'pip-sandbox',
    command: interpreter(venvFolder),
    args: [
      ...['-I', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'],
      ...['--no-deps', '--only-binary', ':all:', '--require-hashes', '--retries', '1'],
      ...['--requirement', sandboxRequirements],
    ],
    env: { ...installerEnvironment(), PATH: searchPath },
    cwd: dirname(venvFolder),
    signal,
    timeoutMs: 120_000,
    umask: readableForEverybody,
  });
  return result.code === 0 ? undefined : describePipProblem(result.output, result.reason, hubWords).message;
}

/** Why there is no sandbox, for everybody. */
export function reasonOf(sandbox: Sandbox): string | undefined {
  return sandbox.isAvailable ? undefined : sandbox.reason;
}

const trustKey = 'integrations.jupyterhub.isolation: trusted-users';

/** What an admin sees of it. */
export function describeIsolation({ sandbox, startsFor }: Isolation): ComponentHealth {
  const name = 'notebook-isolation';
  if (sandbox.isAvailable) {
    if (sandbox.confinement === 'account') {
      const message = 'Each notebook server runs in a sandbox of its own, under an account of its own.';
      return { name, status: 'ok', message };
    }
    if (sandbox.accountProblem === undefined) {
      return { name, status: 'ok', message: 'Each notebook server runs in a sandbox of its own.' };
    }
    return {
      name,
      status: 'warning',
      message: `Each notebook server runs in a sandbox of its own, but they share the account of the gateway, which is root: ${sandbox.accountProblem}.`,
      remedy:
        'Run Knot as an ordinary user, or set integrations.jupyterhub.accounts to numbers that this system can use.',
    };
  }
  const cure = cureOf(sandbox)!;
  if (startsFor === 'admins') {
    return {
      name,
      status: 'failed',
      message: `Notebook servers start for admins only, because nothing keeps people apart here: ${sandbox.reason}.`,
      remedy: `${cure} Or, if everybody who has an account may own this machine, set ${trustKey}.`,
    };
  }
  return {
    name,
    status: 'failed',
    message: `Notebook users own the gateway: they can read and change its keys, its accounts, its database and everybody's files, because ${sandbox.reason} and knot.yaml says that they are trusted.`,
    remedy: `${cure} Then take ${trustKey} out of knot.yaml.`,
  };
}
