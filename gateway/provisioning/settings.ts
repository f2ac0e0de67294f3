import { type Kube, kinds } from '../kube/index.ts';
import { cloneOf } from './desired/clone.ts';
import type { ClusterSettings, Storage } from './desired/wanted.ts';

/** What the configuration says; the rest is found in the cluster. */
export type FixedSettings = Omit<ClusterSettings, 'apiServer' | 'storage'> & {
  storage: Extract<Storage, { kind: 'hostPath' | 'nfs' | 'unusable' }> | { kind: 'claim'; claim: string };
};

/** Reads what of the settings only the cluster knows; kept for a while, and read anew after that. */
export function createSettings(kube: Kube, fixed: FixedSettings, now: () => number): () => Promise<ClusterSettings> {
  let held: { at: number; settings: Promise<ClusterSettings> } | undefined;
  let apiServer: ClusterSettings['apiServer'] = [];

  async function read(): Promise<ClusterSettings> {
    const [addresses, storage] = await Promise.all([addressesOfApiServer(kube), storageOf(kube, fixed)]);
    // While one is started again it is not among them for a moment.
    if (addresses.length > 0) apiServer = addresses;
    return { ...fixed, apiServer, storage };
  }

  return () => {
    if (held === undefined || now() - held.at > keptMs) {
      const settings = read();
      held = { at: now(), settings };
      settings.catch(() => (held = undefined));
    }
    return held.settings;
  };
}

const keptMs = 60_000;

/** EndpointSlices of the Service `kubernetes`, which the API servers keep themselves. In one order, so that nothing changes by chance. */
async function addressesOfApiServer(kube: Kube): Promise<ClusterSettings['apiServer']> {
  const labels = 'kubernetes.io/service-name=kubernetes';
  const { items } = await kube.list(kinds.endpointSlice, { namespace: 'default', labels });
  const found = items.flatMap((slice) => {
    const { endpoints, ports } = slice as unknown as {
      endpoints: { addresses: string[] }[] | null;
      ports: { port: number }[] | null;
    };
    return (endpoints ?? []).flatMap(({ addresses }) =>
      addresses.flatMap((address) => (ports ?? []).map(({ port }) => ({ address, port }))),
    );
  });
  return found.toSorted((one, other) => one.address.localeCompare(other.address) || one.port - other.port);
}

async function storageOf(kube: Kube, { storage, gatewayNamespace }: FixedSettings): Promise<Storage> {
  if (storage.kind !== 'claim') return storage;
  const claim = await kube.get(kinds.persistentVolumeClaim, storage.claim, gatewayNamespace);
  const volumeName = (claim?.['spec'] as { volumeName?: string } | undefined)?.volumeName;
  const volume = volumeName && (await kube.get(kinds.persistentVolume, volumeName));
  if (volume) return cloneOf(volume);
  const where = `${storage.claim} in the namespace ${gatewayNamespace}`;
  const cause = claim
    ? `The claim ${where} has no volume yet.`
    : `There is no claim ${where} (kubernetes.storage.claim).`;
  return { kind: 'unusable', cause };
}
