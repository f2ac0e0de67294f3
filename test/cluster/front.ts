import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/net/free-port.ts';
import { type RunningGateway, startGateway } from '../support/process/gateway.ts';
import type { ControlPlane } from './control-plane.ts';
import type { RunningNode } from './node/start.ts';

const run = promisify(execFile);
const chart = join(import.meta.dirname, '../../charts/knot');

/**
 * A gateway with data of its own that runs what people launch in this cluster; the cluster's admin is who it is there. On a real node it
 * runs in the network of the node, so that it reaches pods, and is reached here at the same port.
 * @throws with what it said, when it does not start
 */
export async function startFront(cluster: ControlPlane, node?: RunningNode): Promise<RunningGateway> {
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'knot' } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'knot', namespace: 'knot' } },
  );
  const [helm, ...before] = cluster.programs.helm;
  const roles = await run(helm, [...before, 'template', 'knot', chart, '--show-only', 'templates/rbac-user.yaml'], {
    env: { HOME: cluster.folder },
  });
  await cluster.kubectlWith({ input: roles.stdout }, 'apply', '-f', '-');
  const files = join(node?.files ?? cluster.folder, 'people');
  await mkdir(files, { recursive: true });
  const [port, admission] = [await (node === undefined ? freePort() : node.inward()), await freePort()];
  return startGateway({
    ...(node && { launch: node.launch }),
    config: {
      engine: 'kubernetes',
      listen: `127.0.0.1:${port}`,
      files: { folder: files },
      kubernetes: {
        kubeconfig: cluster.kubeconfig,
        helm,
        storage: { kind: 'hostPath', path: files },
        admission: { listen: `127.0.0.1:${admission}`, url: `https://127.0.0.1:${admission}` },
      },
    },
  });
}
