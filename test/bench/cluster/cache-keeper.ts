/** Keeps all pods and services of a cluster as the gateway does, in a process of its own, and tells what it has grown by. */
import { kinds, openKube } from '../../../gateway/kube/index.ts';
import { systemClock } from '../../../gateway/lib/index.ts';
import type { Kept } from './cache.ts';

const residentKibibytes = (): number => {
  for (let n = 0; n < 5; n++) globalThis.gc!();
  return process.memoryUsage().rss / 1024;
};

const kube = await openKube({ kubeconfig: process.argv[2]! }, { clock: systemClock });
// The connection and what parses its answers are there with or without many objects.
await kube.list(kinds.namespace);
const before = residentKibibytes();
const startedAt = performance.now();
const caches = [kube.watch(kinds.pod), kube.watch(kinds.service)];
await Promise.all(caches.map(({ ready }) => ready));
const milliseconds = performance.now() - startedAt;
const objects = caches.reduce(
  (sum, cache) => sum + [...cache.all()].filter(({ metadata }) => metadata.namespace?.startsWith('many-')).length,
  0,
);
process.send!({ kibibytes: residentKibibytes() - before, milliseconds, objects } satisfies Kept);
