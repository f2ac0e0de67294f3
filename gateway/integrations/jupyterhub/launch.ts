import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proxySettings, type Sandbox, sandboxArguments } from '../../process/index.ts';
import { socketIn } from './areas-socket.ts';
import { writeLabExtension } from './lab.ts';
import { serverFolderOf, waysFolderOf } from './ways.ts';

/** Stands for the username in the plan; the launcher puts the checked name in its place. */
const placeholder = '%KNOT_USER%';

export type LaunchFacts = {
  sandbox: Sandbox;
  /** Numbers of the accounts servers run under, where the sandbox gives them accounts of their own. */
  accounts: { first: number; count: number };
  /** Folder of this integration in the data folder. */
  folder: string;
  dataFolder: string;
  venvFolder: string;
  /** Installation of the Python the environment was made from. */
  basePrefix: string;
  python: string;
  /** Whether the gateway tells at each start where the files of a person are; otherwise they have a folder of their name. */
  asksForFiles: boolean;
  /** Of the hub, on loopback of the machine and, by a way of its own, of each server. */
  hubPort: number;
  /** Whether servers reach hosts outside. */
  hasWayOut: boolean;
};

/** Read by `launch/spawn.py`. */
export type LaunchPlan = {
  placeholder: string;
  /** Made before the start, for the person's account only; the home comes first. */
  folders: string[];
  /** Made before the start, for every person. */
  shared: string[];
  /** Where the accounts of people are recorded and which numbers they have; null when servers keep the gateway's account. */
  accounts: { file: string; first: number; count: number } | null;
  /** The socket at which the launcher asks where somebody's files are, and tells that their server starts (areas-socket.ts). */
  areas: string;
  /**
   * How connections get into the sandbox and out of it (`launch/ways.py`): where the server listens, seen from outside, and the pairs
   * for the inside, `%KNOT_PORT%` being the port of the server; null where servers share the network of the machine.
   */
  ways: { socket: string; inside: string[] } | null;
  /** bubblewrap with its arguments, or nothing. */
  sandbox: string[];
  program: string[];
  environment: Record<string, string>;
};

/**
 * How a person's notebook server is started: what exists for it, what it sees, what it is told. Inside bubblewrap it sees the
 * operating system, its own home and the file areas of the person, and nothing else of the data folder; its network is its own.
 */
export function planLaunch(facts: LaunchFacts): LaunchPlan {
  const { sandbox } = facts;
  const home = join(facts.folder, 'homes', placeholder);
  const privateFiles = facts.asksForFiles ? '%KNOT_PRIVATE%' : join(facts.dataFolder, 'files/users', placeholder);
  const sharedFiles = facts.asksForFiles ? '%KNOT_SHARED%' : join(facts.dataFolder, 'files/shared');
  const launchFolder = launchFolderOf(facts.folder);
  const enter = join(launchFolder, 'enter.py');
  const waysProgram = join(launchFolder, 'ways.py');
  const serverFolder = serverFolderOf(facts.folder, placeholder);
  const settings = join(launchFolder, 'settings');
  // Not below /home: the data folder or Python may lie in the home of an account with the same name.
  const insideHome = '/files/home';
  const visible = {
    home: sandbox.isAvailable ? insideHome : home,
    private: sandbox.isAvailable ? '/files/private' : privateFiles,
    shared: sandbox.isAvailable ? '/files/shared' : sharedFiles,
  };
  const hasAccounts = sandbox.isAvailable && sandbox.confinement === 'account';
  return {
    placeholder,
    folders: [home, privateFiles, ...(sandbox.isAvailable ? [serverFolder] : [])],
    shared: [sharedFiles],
    accounts: hasAccounts ? { file: join(facts.folder, 'accounts.json'), ...facts.accounts } : null,
    areas: socketIn(launchFolder),
    ways: sandbox.isAvailable
      ? {
          socket: join(serverFolder, 'http.sock'),
          inside: [
            `unix:${serverMount}/http.sock=tcp:%KNOT_PORT%`,
            `tcp:${facts.hubPort}=unix:${waysMount}/hub.sock`,
            ...(facts.hasWayOut ? [`tcp:${outPort}=unix:${waysMount}/out.sock`] : []),
          ],
        }
      : null,
    sandbox: sandbox.isAvailable
      ? sandboxArguments({
          command: sandbox.command,
          confinement: sandbox.confinement,
          hasOwnNetwork: true,
          hidden: [facts.dataFolder],
          readOnly: [facts.basePrefix, facts.venvFolder, enter, waysProgram, settings],
          home: { source: home, target: insideHome },
          mounts: [
            { source: privateFiles, target: '/files/private', isWritable: true },
            { source: sharedFiles, target: '/files/shared', isWritable: true },
            { source: serverFolder, target: serverMount, isWritable: true },
            { source: waysFolderOf(facts.folder, placeholder), target: waysMount, isWritable: false },
          ],
          scratch: [runtimeMount],
        })
      : [],
    // Nothing of the person's is read before the change of account.
    program: [facts.python, '-I', '-S', enter],
    environment: {
      HOME: visible.home,
      KNOT_USER: placeholder,
      KNOT_PRIVATE_DIR: visible.private,
      KNOT_SHARED_DIR: visible.shared,
      // Not in the shared environment: see venv-files.ts.
      PIP_TARGET: `${visible.home}/.local/lib/knot-python`,
      JUPYTER_CONFIG_PATH: settings,
      // In memory and nobody else's: a home on a network file system may refuse sockets.
      ...(sandbox.isAvailable && facts.hasWayOut && proxySettings(outPort)),
      ...(sandbox.isAvailable && { JUPYTER_RUNTIME_DIR: `${runtimeMount}/jupyter` }),
    },
  };
}

const runtimeMount = '/run/knot';
const serverMount = '/run/server';
const waysMount = '/run/ways';
/** Where programs in a server are told to find the way out. */
const outPort = 3128;

/**
 * For every Jupyter program of a person, `jupyter console` and `nbconvert --execute` among them: kernels talk over sockets in the
 * person's own folder. By default they listen on loopback, which all servers share where there is no sandbox, and whoever connects there
 * reads code and output (jupyter_client asks no key of a subscriber).
 */
const jupyterSettings = { KernelManager: { transport: 'ipc' } };

export function launchFolderOf(folder: string): string {
  return join(folder, 'launch');
}

/** Extensions of JupyterLab, among the settings because those are visible inside the sandbox. */
export function labFolderOf(folder: string): string {
  return join(launchFolderOf(folder), 'settings/labextensions');
}

/**
 * Puts launcher and plan into the data folder, where also a sandboxed server can read what it needs. Returns whether servers are
 * started by the same plan as before. `home` is where the mark in JupyterLab leads.
 */
export function writeLaunch(facts: LaunchFacts, home: string): boolean {
  const target = launchFolderOf(facts.folder);
  const settings = join(target, 'settings');
  mkdirSync(settings, { recursive: true, mode: 0o700 });
  chmodSync(target, 0o700);
  for (const name of ['spawn.py', 'accounts.py', 'enter.py', 'ways.py']) {
    copyFileSync(join(import.meta.dirname, 'launch', name), join(target, name));
  }
  writeFileSync(join(settings, 'jupyter_config.json'), `${JSON.stringify(jupyterSettings)}\n`);
  // Read inside the sandbox, where the person's account is another one.
  for (const [path, mode] of [
    ['enter.py', 0o644],
    ['ways.py', 0o644],
    ['settings', 0o755],
    ['settings/jupyter_config.json', 0o644],
  ] as const) {
    chmodSync(join(target, path), mode);
  }
  writeLabExtension(labFolderOf(facts.folder), home);
  const planFile = join(target, 'plan.json');
  const plan = `${JSON.stringify(planLaunch(facts), undefined, 2)}\n`;
  const isAsBefore = existsSync(planFile) && readFileSync(planFile, 'utf8') === plan;
  writeFileSync(planFile, plan, { mode: 0o600 });
  const homes = join(facts.folder, 'homes');
  mkdirSync(homes, { recursive: true, mode: 0o700 });
  chmodSync(homes, 0o700);
  return isAsBefore;
}
