import {
  addressesOfPod,
  type Endpoints,
  endpointsOf,
  type Kube,
  type KubeCache,
  kinds,
  writtenByCluster,
} from '../kube/index.ts';
import { type Entry, entryOf } from './entry.ts';
import { serviceOf, type Targets } from './targets.ts';

/** What there is in the cluster that may be an address, and what answers there. */
export type View = {
  /** All that asks for an address was seen once. Rejects when it is closed before. */
  ready: Promise<unknown>;
  entriesIn(namespace: string): Iterable<Entry>;
  namespaces(): Set<string>;
  /** Of a namespace of some owner that is there now; undefined of any other. */
  uidOf(namespace: string): string | undefined;
  /** Follows Services and pods from the first call on: where nobody asks for an address they are not looked at. */
  targetsIn(namespace: string): Promise<Targets>;
  close(): void;
};

/** `onChange` hears of each namespace in which something changed. */
export function createView(kube: Kube, onChange: (namespace: string) => void): View {
  const namespaces = kube.watch(kinds.namespace, {
    labels: 'knot/owner-id',
    metadataOnly: true,
    pick: ({ metadata: { name, uid = '', deletionTimestamp } }) => ({
      namespace: name,
      uid: deletionTimestamp === undefined ? uid : '',
    }),
  });
  const ingresses = kube.watch(kinds.ingress, { pick: entryOf });
  const routes = kube.watch(kinds.httpRoute, { pick: entryOf, isOptional: true });
  const caches: KubeCache<{ namespace: string }>[] = [namespaces, ingresses, routes];
  for (const cache of caches) cache.onChange(({ namespace }) => onChange(namespace));
  const ready = Promise.all(caches.map((cache) => cache.ready));
  ready.catch(() => undefined);
  let things: ReturnType<typeof openThings> | undefined;

  function openThings() {
    const services = kube.watch(kinds.service, { pick: serviceOf });
    const slices = kube.watch(kinds.endpointSlice, {
      labels: writtenByCluster,
      indexLabels: ['kubernetes.io/service-name'],
      pick: endpointsOf,
    });
    const pods = kube.watch(kinds.pod, {
      pick: (pod) => ({
        ...{ namespace: pod.metadata.namespace ?? '', uid: pod.metadata.uid ?? '' },
        addresses: addressesOfPod(pod),
      }),
    });
    const opened: KubeCache<{ namespace: string }>[] = [services, slices, pods];
    for (const cache of opened) cache.onChange(({ namespace }) => onChange(namespace));
    caches.push(...opened);
    const all = Promise.all(opened.map((cache) => cache.ready));
    all.catch(() => undefined);
    return { services, slices, pods, ready: all };
  }

  return {
    ready,
    *entriesIn(namespace) {
      yield* ingresses.byNamespace(namespace);
      yield* routes.byNamespace(namespace);
    },
    namespaces: () => new Set([...ingresses.all(), ...routes.all()].map(({ namespace }) => namespace)),
    uidOf: (namespace) => namespaces.get('', namespace)?.uid || undefined,
    async targetsIn(namespace) {
      things ??= openThings();
      const { services, slices, pods } = things;
      await things.ready;
      const addresses = new Map([...pods.byNamespace(namespace)].map((pod) => [pod.uid, pod.addresses]));
      return {
        service: (name) => services.get(namespace, name),
        endpoints: (name): Iterable<Endpoints> => slices.byLabel('kubernetes.io/service-name', name),
        addressesOf: (uid) => addresses.get(uid),
      };
    },
    close() {
      for (const cache of caches) cache.close();
    },
  };
}
