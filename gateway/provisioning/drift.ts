import type { Kube, KubeCache, KubeObject } from '../kube/index.ts';
import { ofProvisioning } from './desired/wanted.ts';
import { everyKind, ownerIdOf } from './observed.ts';

/** Of an object: whose it is, and all of it that Knot has a say in. */
type Seen = { key: string; ownerId: string | undefined; made: string };

/** `ready`: from then on no change is missed; false when it was closed before. */
export type Watching = { ready: Promise<boolean>; close(): void };

/**
 * Watches what provisioning made, and tells whose place somebody has changed: at once, where the sweep would see it within a minute.
 * What only says how things are (use of a quota, phase of a claim) is no change.
 */
export function watchDrift(kube: Kube, look: (ownerId: string) => void): Watching {
  const caches = everyKind.map((kind): KubeCache<Seen> => {
    const made = new Map<string, string>();
    const cache = kube.watch<Seen>(kind, { labels: ofProvisioning, pick: seenOf });
    cache.onChange(({ key, ownerId, made: now }, type) => {
      const isOther = type === 'deleted' || (type === 'modified' && made.get(key) !== now);
      if (type === 'deleted') made.delete(key);
      else made.set(key, now);
      if (isOther && ownerId !== undefined) look(ownerId);
    });
    return cache;
  });
  return {
    ready: Promise.all(caches.map(({ ready }) => ready)).then(
      () => true,
      // Closed before it was ready.
      () => false,
    ),
    close() {
      for (const cache of caches) cache.close();
    },
  };
}

function seenOf(object: KubeObject): Seen {
  const { kind, metadata, spec, subjects, roleRef, automountServiceAccountToken: mounts } = object;
  const { namespace = '', name, labels, annotations, deletionTimestamp } = metadata;
  // Of volumes and claims the cluster itself writes what they are bound to.
  const content = kind === 'PersistentVolume' || kind === 'PersistentVolumeClaim' ? undefined : spec;
  const said = annotations?.['knot/override'];
  const made = JSON.stringify([labels, said, deletionTimestamp, content, subjects, roleRef, mounts]);
  return { key: `${namespace}/${name}`, ownerId: ownerIdOf(object), made };
}
