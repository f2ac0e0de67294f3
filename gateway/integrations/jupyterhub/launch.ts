import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sandbox, sandboxArguments } from '../../process/index.ts';

/** Stands for the username in the plan; the launcher puts the checked name in its place. */
const placeholder = '%KNOT_USER%';

export type LaunchFacts = {
  sandbox: Sandbox;
  /** Folder of this integration in the data folder. */
  folder: string;
  dataFolder: string;
  venvFolder: string;
  /** Installation of the Python the environment was made from. */
  basePrefix: string;
  python: string;
};

/** Read by `launch/spawn.py`. */
export type LaunchPlan = {
  placeholder: string;
  /** Made before the start, for the gateway's account only. */
  folders: string[];
  /** bubblewrap with its arguments, or nothing. */
  sandbox: string[];
  program: string[];
  environment: Record<string, string>;
};

/**
 * How a person's notebook server is started: what exists for it, what it sees, what it is told. Inside bubblewrap it sees the
 * operating system, its own home and the two file areas, and nothing else of the data folder.
 */
export function planLaunch(facts: LaunchFacts): LaunchPlan {
  const home = join(facts.folder, 'homes', placeholder);
  const privateFiles = join(facts.dataFolder, 'files/users', placeholder);
  const sharedFiles = join(facts.dataFolder, 'files/shared');
  const launchFolder = launchFolderOf(facts.folder);
  const isSandboxed = facts.sandbox.isAvailable;
  // Not below /home: the data folder or Python may lie in the home of an account with the same name.
  const insideHome = '/files/home';
  const visible = {
    home: isSandboxed ? insideHome : home,
    private: isSandboxed ? '/files/private' : privateFiles,
    shared: isSandboxed ? '/files/shared' : sharedFiles,
  };
  return {
    placeholder,
    folders: [home, privateFiles, sharedFiles],
    sandbox: facts.sandbox.isAvailable
      ? sandboxArguments({
          command: facts.sandbox.command,
          hidden: [facts.dataFolder],
          readOnly: [facts.basePrefix, facts.venvFolder, join(launchFolder, 'enter.py')],
          home: { source: home, target: insideHome },
          mounts: [
            { source: privateFiles, target: '/files/private', isWritable: true },
            { source: sharedFiles, target: '/files/shared', isWritable: true },
          ],
        })
      : [],
    program: [facts.python, join(launchFolder, 'enter.py')],
    environment: {
      HOME: visible.home,
      KNOT_USER: placeholder,
      KNOT_PRIVATE_DIR: visible.private,
      KNOT_SHARED_DIR: visible.shared,
      // Not in the shared environment: see venv-files.ts.
      PIP_TARGET: `${visible.home}/.local/lib/knot-python`,
    },
  };
}

export function launchFolderOf(folder: string): string {
  return join(folder, 'launch');
}

/** Puts launcher and plan into the data folder, where also a sandboxed server can read what it needs. */
export function writeLaunch(facts: LaunchFacts): void {
  const target = launchFolderOf(facts.folder);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const name of ['spawn.py', 'enter.py'])
    copyFileSync(join(import.meta.dirname, 'launch', name), join(target, name));
  writeFileSync(join(target, 'plan.json'), `${JSON.stringify(planLaunch(facts), undefined, 2)}\n`, { mode: 0o600 });
  const homes = join(facts.folder, 'homes');
  mkdirSync(homes, { recursive: true, mode: 0o700 });
  chmodSync(homes, 0o700);
}
