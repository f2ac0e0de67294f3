import type { KubeObject } from './objects.ts';

type NamedPort = { name: string; port: number };

/** What an EndpointSlice says of the pods behind a Service. */
export type Endpoints = {
  namespace: string;
  /** Name of the Service. */
  of: string;
  ports: readonly NamedPort[];
  /** `pod` is a uid. */
  ready: readonly { address: string; pod: string }[];
};

export type ServicePorts = { namespace: string; name: string; ports: readonly NamedPort[] };

/** Lists that are empty are told as null. */
type Slice = {
  ports?: { name?: string; port?: number }[] | null;
  endpoints?:
    | {
        addresses?: string[] | null;
        conditions?: { ready?: boolean };
        targetRef?: { kind?: string; uid?: string };
      }[]
    | null;
};

/** Selector of the slices that the cluster itself writes, from the pods that a Service selects. */
export const writtenByCluster = 'endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io';

/** Only what the cluster itself says, and only of pods: addresses that somebody writes down are nobody's (CVE-2021-25740). */
export function endpointsOf(object: KubeObject): Endpoints {
  const { ports, endpoints } = object as Slice;
  const labels = object.metadata.labels ?? {};
  const [mark, writer] = writtenByCluster.split('=') as [string, string];
  const ready: Endpoints['ready'][number][] = [];
  for (const { addresses, conditions, targetRef } of labels[mark] === writer ? (endpoints ?? []) : [])
    if (conditions?.ready === true && targetRef?.kind === 'Pod' && targetRef.uid !== undefined)
      for (const address of addresses ?? []) ready.push({ address, pod: targetRef.uid });
  return {
    namespace: object.metadata.namespace ?? '',
    of: labels['kubernetes.io/service-name'] ?? '',
    ports: (ports ?? []).flatMap(({ name = '', port }) => (port === undefined ? [] : [{ name, port }])),
    ready,
  };
}

type Pod = {
  spec?: { hostNetwork?: boolean };
  status?: { podIPs?: { ip: string }[] | null; hostIPs?: { ip: string }[] | null; hostIP?: string };
};

/** Addresses that are a pod's own. One in the network of its node has none: behind that address is all that the node has. */
export function addressesOfPod(object: KubeObject): readonly string[] {
  const { spec, status } = object as Pod;
  if (spec?.hostNetwork === true) return [];
  const ofNode = new Set([status?.hostIP, ...(status?.hostIPs ?? []).map(({ ip }) => ip)]);
  return (status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => !ofNode.has(ip));
}

/**
 * Where a port of a Service (name or number) is answered: by its ready endpoints, of which those count whose address is one that the
 * pod itself has. In a fixed order.
 */
export function answering(
  service: ServicePorts,
  port: string | number,
  endpoints: Iterable<Endpoints>,
  addressesOf: (podUid: string) => readonly string[] | undefined,
): { address: string; port: number }[] {
  const wanted = service.ports.find((one) => one.name === port || String(one.port) === String(port))?.name;
  if (wanted === undefined) return [];
  const found: { address: string; port: number }[] = [];
  for (const slice of endpoints) {
    if (slice.of !== service.name || slice.namespace !== service.namespace) continue;
    const at = slice.ports.find(({ name }) => name === wanted)?.port;
    if (at === undefined) continue;
    for (const { address, pod } of slice.ready)
      if (addressesOf(pod)?.includes(address)) found.push({ address, port: at });
  }
  return found.sort((one, other) => (one.address < other.address ? -1 : 1));
}
