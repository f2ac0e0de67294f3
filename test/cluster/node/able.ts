import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { missingGroups } from './groups.ts';

const run = promisify(execFile);

/** Where Debian puts what a node is made of; none of it needs to be in the PATH of who runs the tests. */
export const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const programs = [
  ...['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'nsenter', 'unshare', 'setpriv'],
  ...['ip', 'sysctl', 'iptables', 'iptables-restore', 'nft', 'ipset', 'busybox'],
];
const files = ['/usr/lib/cni/bridge', '/usr/lib/cni/host-local', '/usr/lib/cni/portmap', '/usr/lib/cni/loopback'];

/** Each is tried in namespaces of its own, so that nothing of the machine is touched. */
const kernelParts: Record<string, string> = {
  'file systems over one another': 'mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/u,workdir=/run/w /mnt',
  'bridges of the network': 'ip link add try0 type bridge',
  'pairs of interfaces': 'ip link add try1 type veth peer name try2',
  'rules for packets (nftables)': 'nft add table ip try',
  'rules for packets (iptables)': 'iptables -w -A INPUT -m comment --comment try -j ACCEPT',
  'sets of addresses': 'ipset create try hash:ip',
  'filters on bridges': 'sysctl -qw net.bridge.bridge-nf-call-iptables=1',
};

export type Needs = { programs?: readonly string[]; files?: readonly string[]; kernelParts?: Record<string, string> };

/** Why a real node cannot run here, or nothing. What it needs is an argument for the sake of tests. */
export async function whyNoNode(needs: Needs = {}): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a real node needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'a real node needs root';
  const missing = [
    ...(needs.programs ?? programs).filter((name) => !isInPath(name)),
    ...(needs.files ?? files).filter(isMissing),
  ];
  if (missing.length > 0) return `a real node needs ${missing.join(', ')}: not installed here`;
  const groups = missingGroups();
  if (groups !== undefined) return groups;
  // Where they are modules; where they are built in, or cannot be loaded, the try below tells.
  await run('modprobe', ['-a', 'overlay', 'br_netfilter', 'ip_set'], environment).catch(() => undefined);
  const tries = Object.entries(needs.kernelParts ?? kernelParts).map(
    ([part, command]) => `{ ${command}; } 2>&1 || echo 'MISSING ${part}'`,
  );
  const script = [
    'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir /run/u /run/w || echo "MISSING mounts"',
    ...tries,
  ].join('\n');
  const inside = ['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', 'sh', '-c', script];
  const { stdout } = await run('unshare', inside, environment).catch((error: unknown) => ({
    stdout: `MISSING namespaces (${String(error).split('\n')[0]})`,
  }));
  const parts = stdout.split('\n').filter((line) => line.startsWith('MISSING '));
  return parts.length === 0 ? undefined : `this kernel lacks ${parts.map((line) => line.slice(8)).join(', ')}`;
}

const environment = { env: { PATH: programPath } };

const isInPath = (name: string): boolean =>
  programPath.split(delimiter).some((folder) => !isMissing(join(folder, name)));

function isMissing(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return false;
  } catch {
    return true;
  }
}
