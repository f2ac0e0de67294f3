/** `npm run cluster [-- --nodes N | --real]`: a cluster to try things on, until Ctrl-C. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { startFront } from './front.ts';
import type { RunningGateway } from '../support/process/gateway.ts';
import { images } from './node/images.ts';
import { startNode } from './node/start.ts';

const { values: options } = parseArgs({
  options: { nodes: { type: 'string', default: '1' }, real: { type: 'boolean', default: false } },
});
const nodes = Number(options.nodes);
if (!Number.isInteger(nodes) || nodes < 0 || nodes > 1000) {
  console.error('--nodes is a number of simulated nodes, up to 1000.');
  process.exit(2);
}

const endings: (() => Promise<void>)[] = [];
const isOver = new Promise<void>((resolve) => {
  // A cluster alone keeps no process alive.
  setInterval(() => undefined, 60_000);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
});
try {
  process.exitCode = await run();
} finally {
  for (const end of endings.reverse()) await end();
}
// What still waits for an answer of the cluster, a start that was interrupted for example, waits in vain.
process.exit();

async function run(): Promise<number> {
  const keep = { teardown: (end: () => Promise<void>) => void endings.push(end) };
  const startsReal = options.real ? startNode(keep, { withNodeImage: true }) : undefined;
  const cluster = await Promise.race([startsReal ?? startControlPlane(keep, { nodes }), isOver]);
  if (cluster === undefined) return 130;
  if ('skip' in cluster) {
    console.error(`There can be no cluster here: ${cluster.skip}.`);
    return 1;
  }
  const programs = await linkPrograms(cluster);
  const node = await startsReal;
  const front = await Promise.race([
    isOver,
    startFront(cluster, node === undefined || 'skip' in node ? undefined : node).then(
      (gateway) => {
        keep.teardown(() => gateway.stop());
        return gateway;
      },
      (error: unknown) => error as Error,
    ),
  ]);
  if (front === undefined) return 130;
  const { body: version } = await cluster.request('/version');
  console.log(`
Kubernetes ${version.gitVersion} with ${nodesInWords()} runs, started in ${(cluster.startedInMs / 1000).toFixed(1)} s.

  API server  ${cluster.server}
  kubeconfig  ${cluster.kubeconfig}
  audit log   ${join(cluster.folder, 'audit.log')}

In another terminal:

  export KUBECONFIG=${cluster.kubeconfig} PATH=${programs}:$PATH
  kubectl get nodes

${whereKnotIs(front)}

Ctrl-C ends it, and nothing is left.`);
  await isOver;
  return 0;
}

function whereKnotIs(front: RunningGateway | Error): string {
  if (front instanceof Error) return `No gateway is in front of it: ${front.message}`;
  const { origin, setupLink, caFile } = front;
  return `Knot is at ${origin}; the first admin is made at
  ${setupLink}
Its certificate is of ${caFile}.`;
}

function nodesInWords(): string {
  if (options.real) return `a real node (images: ${[images.box, images.node].join(', ')})`;
  return `${nodes} simulated node${nodes === 1 ? '' : 's'}`;
}

/** `kubectl` and `helm`, wherever those in use lie and however they are called: a folder for one's PATH. */
async function linkPrograms({ folder, programs }: ControlPlane): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  // The binary of many programs is told by the name of the link which one it is.
  for (const name of ['kubectl', 'helm'] as const) await symlink(programs[name][0], join(bin, name));
  return bin;
}
