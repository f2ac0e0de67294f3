import { dirname } from 'node:path';

/** What a sandboxed program sees of the machine. Everything that is not named here is not there. */
export type SandboxPlan = {
  /** The executable from `findSandbox`. */
  command: string;
  /**
   * How the program ends up with fewer rights than the gateway. `account`: it starts as root of this machine with no right left
   * but to change its account, and MUST do that before anything else. `namespace`: it stays the gateway's account, inside a user
   * namespace where that account has no rights.
   */
  confinement: Confinement;
  /** Folders or files visible read-only at their own path, besides the operating system; absent ones are skipped. */
  readOnly: readonly string[];
  /** The person's home: folder outside → path inside, writable. */
  home: { source: string; target: string };
  /** Further folders or files: source must exist. */
  mounts: readonly { source: string; target: string; isWritable: boolean }[];
  /** Folders in memory that are there as long as the sandbox is, writable. `/tmp` and its like need not be named. */
  scratch?: readonly string[];
  /** The most bytes of each folder in memory, where nothing else bounds what the program has of it. */
  scratchBytes?: number;
  /** Without it the program shares the network of the machine; with it it has a loopback of its own and nothing else. */
  hasOwnNetwork?: boolean;
  /** Folders whose content must not shine through a read-only folder they lie in (the data folder); they MUST exist there. */
  hidden: readonly string[];
};

export type Confinement = 'account' | 'namespace';

/**
 * The operating system as a program needs it. Of `/etc` only what is public and needed, and nothing of `/opt`, `/home`, `/var`: a
 * gateway that runs as root could read private keys and `/etc/shadow` there, and so could its sandboxes. Nor `passwd` and
 * `group`: whoever starts the program says who it is.
 */
const system = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/nix/store', '/sys'];
const settings = [
  'alternatives bash.bashrc ca-certificates ca-certificates.conf crypto-policies fonts gai.conf host.conf hosts inputrc',
  'ld.so.cache ld.so.conf ld.so.conf.d locale.alias localtime magic mime.types nsswitch.conf os-release pip.conf',
  'pki/ca-trust pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf profile profile.d protocols resolv.conf services',
  'ssl/certs ssl/openssl.cnf terminfo timezone vim',
]
  .join(' ')
  .split(' ')
  .map((name) => `/etc/${name}`);

/** In memory, and for whatever account the program changes to. */
const scratch = ['/tmp', '/var/tmp', '/dev/shm'];

/**
 * Arguments of bubblewrap (bwrap(1)) up to and including `--`; the program and its arguments follow. The environment is the
 * caller's. The network is kept unless the plan says otherwise: a notebook server reaches its hub over loopback.
 */
export function sandboxArguments(plan: SandboxPlan): string[] {
  const place = createPlaces(plan.scratchBytes);
  const bound = (paths: readonly string[]) => paths.flatMap((path) => place.at(path, '--ro-bind-try', path));
  const hidden = new Set(plan.hidden);
  // A folder that contains a hidden one comes before it, what lies inside a hidden one after it.
  const visible = [...new Set([...plan.readOnly, ...hidden])].toSorted((a, b) => depthOf(a) - depthOf(b));
  return [
    plan.command,
    '--die-with-parent',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(plan.hasOwnNetwork ? ['--unshare-net'] : []),
    ...confine(plan.confinement),
    ...bound(system),
    ...bound(settings),
    ...place.at('/proc', '--proc'),
    ...place.at('/dev', '--dev'),
    ...place.memory('/run', []),
    ...[...scratch, ...(plan.scratch ?? [])].flatMap((path) => place.memory(path, ['--perms', '1777'])),
    ...visible.flatMap((path) => (hidden.has(path) ? place.memory(path, []) : bound([path]))),
    ...place.at(plan.home.target, '--bind', plan.home.source),
    ...plan.mounts.flatMap(({ source, target, isWritable }) =>
      place.at(target, isWritable ? '--bind' : '--ro-bind', source),
    ),
    // Both are folders in memory of bubblewrap's own, which a program in a user namespace could fill.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    '--setenv',
    'HOME',
    plan.home.target,
    '--chdir',
    '/',
    '--',
  ];
}

function depthOf(path: string): number {
  return path.split('/').length;
}

/**
 * The folders on the way to each place, before the place itself: bubblewrap makes them by itself too, but for its own account
 * only, and the program may have another one.
 */
function createPlaces(scratchBytes: number | undefined) {
  const size = scratchBytes === undefined ? [] : ['--size', String(scratchBytes)];
  const made = new Set<string>();
  const ways = (path: string) => {
    const missing: string[] = [];
    for (let folder = dirname(path); folder !== '/' && !made.has(folder); folder = dirname(folder)) {
      missing.unshift(folder);
      made.add(folder);
    }
    return missing.flatMap((folder) => ['--dir', folder]);
  };
  return {
    at: (path: string, flag: string, ...source: string[]) => [...ways(path), flag, ...source, path],
    /** A new, empty folder in memory: what was made below the same path is not in it. */
    memory(path: string, perms: string[]) {
      const before = ways(path);
      for (const folder of made) if (`${folder}/`.startsWith(`${path}/`)) made.delete(folder);
      return [...before, ...perms, ...size, '--tmpfs', path];
    },
  };
}

function confine(confinement: Confinement): string[] {
  switch (confinement) {
    case 'account':
      // Given back by the kernel at the change to another account (capabilities(7), "Effect of user ID changes").
      return ['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'];
    case 'namespace':
      // Without the namespace a gateway that runs as root would hand its own capabilities to the sandbox; inside, no further
      // one can be made, so that what the kernel opens to the root of a namespace stays closed.
      return ['--unshare-user', '--disable-userns', '--cap-drop', 'ALL'];
  }
}
