import { appendFile, mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { clusterPrograms } from '../build.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../control-plane.ts';
import type { KeptProgram } from '../kept-programs.ts';
import { whyNoNode } from './able.ts';
import { boxArchives, nodeArchive } from './images.ts';
import { makeNamespaces, type Namespaces } from './namespaces.ts';
import { makeRelays, type Relays } from './relay.ts';
import { addresses, kubeletSettings, nodeName, podNetwork, proxySettings, runtimeSettings } from './settings.ts';

/** A cluster with a node on which pods really run. */
export type RunningNode = ControlPlane & {
  /** A folder for what is to be mounted into pods (hostPath) and for programs inside: at the same address on both sides. */
  files: string;
  /** Makes the images of an OCI archive known to the node. */
  import(archive: string): Promise<void>;
  /** Lets the node pull from a registry that answers at 127.0.0.1 inside under this name (`harbor.localhost:8443`), with a certificate of this authority. */
  knowRegistry(host: string, caFile: string): Promise<void>;
  /** Waits as `kubectl wait` does: `until('pod/web', 'condition=Ready', 'some-namespace')`. @throws with where it stands instead */
  until(what: string, is: string, namespace?: string, withinSeconds?: number): Promise<void>;
  /** See Namespaces. */
  spawn: Namespaces['spawn'];
  /** See Namespaces. */
  launch: Namespaces['launch'];
  /** What stands before the command line of a program of this machine that is to use the network of the node. */
  enterNetwork: readonly string[];
  /** See Relays. */
  inward: Relays['inward'];
  /** See Relays. */
  outward: Relays['outward'];
  kubelet: KeptProgram;
};

export type NodeOptions = Omit<ControlPlaneOptions, 'place'> & {
  /** Programs in pods by the Node that runs the tests; 150 MB to import. */
  withNodeImage?: boolean;
};

const registries = 'registries';

/**
 * Starts a control plane and one real node (`knode`), in namespaces of their own: containerd, kubelet, kube-proxy and an agent that
 * enforces NetworkPolicies. What is in README.md about it, in one line: everything of one node is real, and nothing of it is left.
 *
 *     const node = await startNode(t);
 *     if ('skip' in node) …
 *
 * Takes some 6 s and 1 GB: one a file. With CI=true it is an error where none can run: what is never run there is never tested.
 */
export async function startNode(
  t: { teardown(act: () => Promise<void>): void },
  { withNodeImage = false, ...options }: NodeOptions = {},
): Promise<RunningNode | { skip: string }> {
  const reason = (await whyNoNode()) ?? (await whyNoPrograms());
  if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);
  if (reason !== undefined) return { skip: reason };
  const archives = await Promise.all([boxArchives(), ...(withNodeImage ? [nodeArchive()] : [])]);

  const namespaces = await makeNamespaces();
  t.teardown(namespaces.stop);
  const relays = makeRelays(
    namespaces.spawn([process.execPath, join(import.meta.dirname, 'relay-inside.ts')]),
    namespaces.folder,
  );
  // The same port on both sides, so that one kubeconfig is good for both.
  const place = { enter: namespaces.enter.network, port: await relays.inward(), address: addresses.node };
  t.teardown(async () => relays.close());
  const cluster = await startControlPlane(t, { ...options, place });
  if ('skip' in cluster) return cluster;

  const images = { ctr: (...args: string[]) => runInside(namespaces, ['ctr', '-n', 'k8s.io', ...args]) };
  const files = join(namespaces.folder, 'files');
  await mkdir(files);
  const kubelet = await startParts(cluster, namespaces, async () => {
    for (const archive of archives.flat()) await images.ctr('images', 'import', archive);
  });
  return {
    ...cluster,
    files,
    import: (archive) => images.ctr('images', 'import', archive),
    async knowRegistry(host, caFile) {
      const registry = join(cluster.folder, registries, host);
      await mkdir(registry, { recursive: true });
      const way = `[host."https://${host}"]\nca = ${JSON.stringify(caFile)}\n`;
      await writeFile(join(registry, 'hosts.toml'), `server = "https://${host}"\n${way}`);
      // Into the same file: another one in its place would not be seen inside.
      await appendFile(join(namespaces.folder, 'hosts'), `127.0.0.1 ${host.split(':')[0]}\n`);
    },
    async until(what, is, namespace = 'default', withinSeconds = 30) {
      const where = ['-n', namespace, what];
      await cluster.kubectl('wait', `--for=${is}`, `--timeout=${withinSeconds}s`, ...where).catch(async (error) => {
        throw new Error(`${String(error)}\n${await cluster.kubectl('describe', ...where)}`);
      });
    },
    spawn: namespaces.spawn,
    enterNetwork: namespaces.enter.network,
    launch: namespaces.launch,
    inward: relays.inward,
    outward: relays.outward,
    kubelet,
    // Pods must have ended before what they run on is taken away.
    async stop() {
      relays.close();
      await namespaces.stop();
      await cluster.stop();
    },
  };
}

/** An installed set is one for tests of the API server alone. */
async function whyNoPrograms(): Promise<string | undefined> {
  const programs = await clusterPrograms();
  if ('skip' in programs) return String(programs.skip);
  return 'kubelet' in programs ? undefined : 'there is no kubelet in KUBEBUILDER_ASSETS';
}

async function startParts(
  cluster: ControlPlane,
  { enter, group, folder }: Namespaces,
  importImages: () => Promise<void>,
): Promise<KeptProgram> {
  const { programs } = cluster;
  const file = (name: string): string => join(cluster.folder, name);
  const run = (name: string, ...command: string[]): Promise<KeptProgram> =>
    cluster.run(name, [...enter.node, ...command]);
  const needed = ['containerd', 'kubelet', 'kube-proxy'];
  const until = (what: string, isSo: () => Promise<boolean>): Promise<unknown> =>
    eventually(what, () => {
      for (const name of needed) cluster.demand(name);
      return isSo();
    });

  await mkdir(file('networks'));
  await mkdir(file(registries));
  await writeFile(file('networks/10-node.conflist'), podNetwork);
  const folders = { networks: file('networks'), registries: file(registries) };
  await writeFile(file('containerd.toml'), runtimeSettings(folders, await snapshotterFor(folder)));
  await run('containerd', 'containerd', '-c', file('containerd.toml'));
  // While it starts: what the kubelet is to the API server and shows it.
  const asNode = await cluster.kubeconfigOf({ name: `system:node:${nodeName}`, groups: ['system:nodes'] });
  const { cert, key } = await cluster.issue({ commonName: nodeName, names: [addresses.node, '127.0.0.1', nodeName] });
  await writeFile(file('node.crt'), cert);
  await writeFile(file('node.key'), key, { mode: 0o600 });
  await writeFile(file('kubelet.yaml'), kubeletSettings(file, { group, folder }));
  await writeFile(file('kube-proxy.yaml'), proxySettings(await cluster.kubeconfigOf({ name: 'system:kube-proxy' })));
  const asAgent = await cluster.kubeconfigOf({ name: 'system:netpol', groups: ['system:masters'] });

  let problem: unknown;
  await until('the images of pods', () =>
    importImages().then(
      () => true,
      (error: unknown) => {
        problem = error;
        return false;
      },
    ),
  ).catch((error: unknown) => {
    throw problem ?? error;
  });
  const kubelet = await run(
    'kubelet',
    ...programs.kubelet,
    `--config=${file('kubelet.yaml')}`,
    `--kubeconfig=${asNode}`,
    `--node-ip=${addresses.node}`,
    `--hostname-override=${nodeName}`,
  );
  await run('kube-proxy', ...programs['kube-proxy'], `--config=${file('kube-proxy.yaml')}`);
  await until('a ready node', async () => {
    const { body } = await cluster.request(`/api/v1/nodes/${nodeName}`);
    const conditions = (body.status?.conditions ?? []) as { type: string; status: string }[];
    return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  });
  // Looks its node up when it starts.
  await run('netpol', ...programs.netpol, asAgent, nodeName, addresses.services);
  return kubelet;
}

/** Where tests run in a container their folder is often on an overlay, and no overlay can be written over one (statfs(2)). */
async function snapshotterFor(folder: string): Promise<'overlayfs' | 'native'> {
  return (await statfs(folder)).type === 0x794c7630 ? 'native' : 'overlayfs';
}

async function runInside(namespaces: Namespaces, command: readonly string[]): Promise<void> {
  const child = namespaces.spawn(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.on('data', (chunk) => (said += String(chunk)));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) throw new Error(`${command.join(' ')} (${String(status)}): ${said}`);
}
