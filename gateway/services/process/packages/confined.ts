import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import {
  type Account,
  installerEnvironment,
  type InstallStep,
  type Sandbox,
  sandboxArguments,
} from '../../../process/index.ts';
import { enterProgram, programsAt } from '../layout.ts';

const home = '/home/install';

/** Files and folders of the operator that settings of pip and npm lead to. */
const leadsToFiles = [
  'PIP_CERT',
  'PIP_CLIENT_CERT',
  'PIP_FIND_LINKS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'npm_config_cafile',
];

/**
 * A step of an installation as it is run for services: in a sandbox that sees the system and writes into the environment, a cache and
 * a folder of its own, under an account that nobody else has. It has the network of the machine: packages come from there.
 */
export function confinedStep(
  step: InstallStep,
  facts: {
    sandbox: Extract<Sandbox, { isAvailable: true }>;
    account: Account | undefined;
    /** What it may write: what is installed, and the cache. */
    writable: readonly string[];
    /** What it reads besides the system. */
    readable: readonly string[];
    /** Its home on the disk; a package may be larger than the memory. */
    work: string;
    hidden: string;
  },
): InstallStep {
  const { sandbox, account, writable, readable, work, hidden } = facts;
  const node = process.execPath;
  const settings = leadsToFiles.flatMap((name) => step.env[name]?.split(/\s+/) ?? []);
  const [command, ...args] = sandboxArguments({
    command: sandbox.command,
    confinement: sandbox.confinement,
    readOnly: [
      dirname(dirname(node)),
      enterProgram,
      ...readable,
      ...settings.filter((path) => isAbsolute(path) && existsSync(path)),
    ],
    hidden: [hidden],
    home: { source: work, target: home },
    mounts: writable.map((path) => ({ source: path, target: path, isWritable: true })),
  });
  return {
    command: command!,
    args: [...args, node, enterProgram],
    cwd: '/',
    env: {
      ...step.env,
      HOME: home,
      TMPDIR: `${home}/tmp`,
      PATH: programsAt.join(':'),
      ...(step.env['PIP_CONFIG_FILE'] !== undefined && { PIP_CONFIG_FILE: `${home}/pip.conf` }),
      XDG_CONFIG_HOME: `${home}/.config`,
      npm_config_globalconfig: `${home}/npmrc`,
      KNOT_ENTER: JSON.stringify({
        account,
        command: [step.command, ...step.args],
        umask: 0o022,
      }),
    },
  };
}

/**
 * Makes the home of an installation, before anything of it runs. The operator's own settings of pip and npm (an index, a proxy) are put
 * into it: they hold, and may be readable for the gateway alone. `npmSettings`: those of npm for everybody.
 */
export function prepareWork(work: string, account: Account | undefined, npmSettings?: string): void {
  const env = installerEnvironment();
  const folders = [work, join(work, 'tmp'), join(work, '.config'), join(work, '.config/pip')];
  for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'pip/pip.conf');
  const copies = [
    [[config, join(homedir(), '.pip/pip.conf')].find((path) => existsSync(path)), '.config/pip/pip.conf'],
    [env['PIP_CONFIG_FILE'], 'pip.conf'],
    [join(homedir(), '.npmrc'), '.npmrc'],
    [npmSettings, 'npmrc'],
  ] as const;
  const files = copies.flatMap(([source, name]) => {
    if (source === undefined || !existsSync(source)) return [];
    copyFileSync(source, join(work, name));
    chmodSync(join(work, name), 0o600);
    return [join(work, name)];
  });
  if (account !== undefined)
    for (const path of [...files, ...folders.toReversed()]) chownSync(path, account.uid, account.gid);
}
