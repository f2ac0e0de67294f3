import { eventually } from '../../support/eventually.ts';
import type { ControlPlane } from '../control-plane.ts';
import { images } from './images.ts';

/** An object of Kubernetes; without a namespace where its kind has none. */
export function object(apiVersion: string, kind: string, namespace: string | undefined, name: string, spec: object) {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) }, spec };
}

/** A pod with the label `name`. It waits, unless it is given containers of its own. */
export function pod(namespace: string, name: string, spec: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: images.box }], ...spec },
  };
}

/** For a container that is ready when it listens. */
export function answering(port: number) {
  return { readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } };
}

/** Resolves when pods may be made in it. */
export async function makeNamespace(
  cluster: ControlPlane,
  name: string,
  labels: Record<string, string> = {},
): Promise<void> {
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  await eventually(`the service account of ${name}`, async () => {
    const { status } = await cluster.request(`/api/v1/namespaces/${name}/serviceaccounts/default`);
    return status === 200;
  });
}

/** One value of an object: `read(node, 'ns', 'pod/web', '.status.podIP')`. */
export function read(cluster: ControlPlane, namespace: string, what: string, path: string): Promise<string> {
  return cluster.kubectl('get', '-n', namespace, what, '-o', `jsonpath={${path}}`);
}

/** Runs a program in a pod. @returns its standard output @throws with its standard error, when it fails */
export function execute(cluster: ControlPlane, namespace: string, pod: string, ...command: string[]): Promise<string> {
  return cluster.kubectl('exec', '-n', namespace, pod, '--', ...command);
}
