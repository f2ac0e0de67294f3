import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

/** What a sandboxed program sees of the machine. Everything that is not named here is not there. */
export type SandboxPlan = {
  /** The executable from `findSandbox`. */
  command: string;
  /** Folders or files visible read-only at their own path, besides the operating system; absent ones are skipped. */
  readOnly: readonly string[];
  /** The person's home: folder outside → path inside, writable. */
  home: { source: string; target: string };
  /** Further folders: source must exist. */
  mounts: readonly { source: string; target: string; isWritable: boolean }[];
  /** Folders whose content must not shine through a read-only folder they lie in (the data folder). */
  hidden: readonly string[];
};

/**
 * The operating system as a program needs it. Of `/etc` only what is public and needed, and nothing of `/opt`, `/home`, `/var`: a
 * gateway that runs as root could read private keys and `/etc/shadow` there, and so could its sandboxes.
 */
const system = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/nix/store', '/sys'];
const settings = [
  'alternatives bash.bashrc ca-certificates ca-certificates.conf crypto-policies fonts gai.conf group host.conf hosts inputrc',
  'ld.so.cache ld.so.conf ld.so.conf.d locale.alias localtime magic mime.types nsswitch.conf os-release passwd pip.conf',
  'pki/ca-trust pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf profile profile.d protocols resolv.conf services',
  'ssl/certs ssl/openssl.cnf terminfo timezone vim',
]
  .join(' ')
  .split(' ')
  .map((name) => `/etc/${name}`);

/**
 * Arguments of bubblewrap (bwrap(1)) up to and including `--`; the program and its arguments follow. The environment is the
 * caller's. Network is kept: a notebook server reaches its hub over loopback.
 */
export function sandboxArguments(plan: SandboxPlan): string[] {
  const bound = (flag: string, paths: readonly string[]) => paths.flatMap((path) => [flag, path, path]);
  const isHidden = (path: string) => plan.hidden.some((folder) => `${path}/`.startsWith(`${folder}/`));
  const inside = plan.readOnly.filter(isHidden);
  const outside = plan.readOnly.filter((path) => !isHidden(path));
  return [
    plan.command,
    '--die-with-parent',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    '--unshare-user-try',
    // Without this a gateway that runs as root would hand its capabilities to the sandbox.
    '--cap-drop',
    'ALL',
    ...bound('--ro-bind-try', system),
    ...bound('--ro-bind-try', settings),
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...['/tmp', '/var/tmp', '/run', '/dev/shm'].flatMap((path) => ['--tmpfs', path]),
    // A folder that contains a hidden one comes before it, what lies inside a hidden one after it.
    ...bound('--ro-bind-try', outside),
    ...plan.hidden.flatMap((path) => ['--tmpfs', path]),
    ...bound('--ro-bind-try', inside),
    '--bind',
    plan.home.source,
    plan.home.target,
    ...plan.mounts.flatMap(({ source, target, isWritable }) => [isWritable ? '--bind' : '--ro-bind', source, target]),
    '--setenv',
    'HOME',
    plan.home.target,
    '--chdir',
    plan.home.target,
    '--',
  ];
}

export type Sandbox = { isAvailable: true; command: string } | { isAvailable: false; reason: string };

/**
 * Looks for bubblewrap and proves that it works here with everything `sandboxArguments` asks for: container runtimes and some
 * kernels refuse user namespaces or a fresh /proc although the program is installed.
 */
export async function findSandbox(searchPath = process.env['PATH'] ?? ''): Promise<Sandbox> {
  if (process.platform !== 'linux') return { isAvailable: false, reason: 'bubblewrap exists for Linux only' };
  const command = findExecutable('bwrap', searchPath);
  if (command === undefined) return { isAvailable: false, reason: 'bubblewrap (bwrap) is not installed' };
  const plan: SandboxPlan = {
    command,
    readOnly: [],
    home: { source: '/usr', target: '/home/trial' },
    mounts: [],
    hidden: [],
  };
  const [, ...trial] = sandboxArguments(plan);
  try {
    await promisify(execFile)(command, [...trial, 'true'], { timeout: 10_000, env: { PATH: '/usr/bin:/bin' } });
    return { isAvailable: true, command };
  } catch (error) {
    const { stderr } = error as { stderr?: unknown };
    const said = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : undefined;
    return { isAvailable: false, reason: `bubblewrap is installed but refused here${said ? ` (${said})` : ''}` };
  }
}

function findExecutable(name: string, searchPath: string): string | undefined {
  for (const folder of searchPath.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}
