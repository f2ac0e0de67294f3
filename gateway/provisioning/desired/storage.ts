import type { KubeObject } from '../../kube/index.ts';
import { bytesQuantity } from './quantity.ts';
import type { ClusterSettings, Storage, Wanted, WantedArea } from './wanted.ts';

/**
 * A volume and a claim for each area of files. The volume lies in the cluster, where people have no rights, holds nothing but the one
 * folder, and is for the one claim: a claim of somebody else cannot get it. It is kept when the claim goes: files are the gateway's.
 */
export function storageOf(namespace: string, { areas }: Wanted, { storage }: ClusterSettings): KubeObject[] {
  if (storage.kind === 'unusable') return [];
  return areas.flatMap((area) => [volumeOf(namespace, area, storage), claimOf(namespace, area)]);
}

/** Neither is bounded by its size, which must be some: how much may be kept is the plan's and the gateway's (files). */
export const nominalBytes = 1024 * 1024;
const nominal = { storage: bytesQuantity(nominalBytes) };
/** Notebooks, services and jobs on several nodes have it at once. */
const accessModes = ['ReadWriteMany'];

function volumeOf(
  namespace: string,
  { claim, folder }: WantedArea,
  storage: Exclude<Storage, { kind: 'unusable' }>,
): KubeObject {
  const name = volumeNameOf(namespace, claim);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes,
      capacity: nominal,
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claim },
      ...sourceOf(storage, folder, name),
    },
  };
}

function claimOf(namespace: string, { claim }: WantedArea): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim },
    // No class: the cluster makes no volume of its own for it. That of the volume is none as well, which the API server does not write back.
    spec: {
      accessModes,
      storageClassName: '',
      resources: { requests: nominal },
      volumeName: volumeNameOf(namespace, claim),
    },
  };
}

/** No namespace and no claim of ours holds a dot: no two claims have one volume. */
export const volumeNameOf = (namespace: string, claim: string): string => `${namespace}.${claim}`;

function sourceOf(storage: Exclude<Storage, { kind: 'unusable' }>, folder: string, name: string) {
  switch (storage.kind) {
    case 'hostPath':
      // It must be there: a folder that a node makes by itself is one that nobody else sees.
      return { hostPath: { path: `${withoutSlash(storage.path)}/${folder}`, type: 'Directory' } };
    case 'nfs': {
      const share = `${withoutSlash(storage.path)}/${folder}`;
      return {
        mountOptions: ['nfsvers=4.1', 'nosuid', 'nodev'],
        // The handle is to be unique in the cluster (csi-driver-nfs, "PV/PVC usage").
        csi: {
          driver: 'nfs.csi.k8s.io',
          volumeHandle: `${storage.server}${share}##${name}`,
          volumeAttributes: { server: storage.server, share },
        },
      };
    }
    case 'clone':
      return storage.sourceOf(folder, name);
  }
}

export const withoutSlash = (path: string): string => path.replace(/\/+$/, '');
