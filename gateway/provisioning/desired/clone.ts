import type { KubeObject } from '../../kube/index.ts';
import { withoutSlash } from './storage.ts';
import type { Storage } from './wanted.ts';

type Source = Record<string, unknown>;
/** `name` of the new volume, for handles that must be unique. */
type SourceOf = (folder: string, name: string) => Source;

/**
 * How a volume that Knot's own claim is bound to is made into one for each area. A claim cannot be used from another namespace, and a
 * claim on the whole volume with a `subPath` in each pod would be the files of everybody to whoever leaves the `subPath` out: so only
 * volumes that are mounted by a path are taken, each area with its own.
 * @param volume the PersistentVolume behind the claim
 */
export function cloneOf(volume: KubeObject): Storage {
  const spec = volume['spec'] as Source;
  const found = sources.map((one) => one(spec)).find((one) => one !== undefined);
  if (found === undefined) {
    return {
      kind: 'unusable',
      cause: `The volume ${volume.metadata.name} cannot be divided: of its kind no folder can be mounted alone. Use one of NFS, EFS, hostPath or local, or storage.kind hostPath or nfs.`,
    };
  }
  const { nodeAffinity, mountOptions } = spec;
  return {
    kind: 'clone',
    sourceOf: (folder, name) => ({
      ...(nodeAffinity !== undefined && { nodeAffinity }),
      ...(mountOptions !== undefined && { mountOptions }),
      ...found(folder, name),
    }),
  };
}

const sources: ((spec: Source) => SourceOf | undefined)[] = [
  ({ hostPath }) => deeper('hostPath', hostPath, () => ({ type: 'Directory' })),
  ({ local }) => deeper('local', local),
  ({ nfs }) => deeper('nfs', nfs),
  ({ csi }) => {
    const {
      driver,
      volumeAttributes = {},
      volumeHandle,
    } = (csi ?? {}) as {
      driver?: string;
      volumeHandle: string;
      volumeAttributes?: { server?: string; share?: string; subDir?: string; subdir?: string };
    };
    if (driver === 'nfs.csi.k8s.io' && volumeAttributes.server && volumeAttributes.share) {
      const { server, share, subDir, subdir } = volumeAttributes;
      const base = [share, subDir ?? subdir ?? ''].map((part) => part.replace(/^\/+|\/+$/g, '')).filter(Boolean);
      return (folder, name) => {
        const path = `/${[...base, folder].join('/')}`;
        return {
          csi: { driver, volumeHandle: `${server}${path}##${name}`, volumeAttributes: { server, share: path } },
        };
      };
    }
    // `FILE-SYSTEM[:PATH[:ACCESS-POINT]]`: an access point has one folder, whatever is asked for.
    const [, system, path = ''] = /^(fs-[0-9a-f]+)(?::([^:]*))?$/.exec(volumeHandle ?? '') ?? [];
    if (driver === 'efs.csi.aws.com' && system)
      return (folder) => ({ csi: { driver, volumeHandle: `${system}:${withoutSlash(path)}/${folder}` } });
    return undefined;
  },
];

/** A volume with a path, one folder further down. */
function deeper(kind: string, source: unknown, more: () => Source = () => ({})): SourceOf | undefined {
  const { path, ...rest } = (source ?? {}) as { path?: string };
  if (path === undefined) return undefined;
  return (folder) => ({ [kind]: { ...rest, path: `${withoutSlash(path)}/${folder}`, ...more() } });
}
