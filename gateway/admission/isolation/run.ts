import { type Kube, type KubeObject } from '../../kube/index.ts';
import { eachAtOnce } from '../../lib/index.ts';
import { attempt, type Ground, type Probe, type Result, type Subject } from './probe.ts';
import { boundsProbes } from './probes/bounds.ts';
import { secure, selector, template } from './probes/objects.ts';
import { platformProbes } from './probes/platform.ts';
import { podProbes } from './probes/pods.ts';
import { reachProbes } from './probes/reach.ts';
import { rightsProbes } from './probes/rights.ts';
import { stateProbes, worksProbes } from './probes/works.ts';

const atOnce = 8;

/** Everything that is tried; pure. Ids are unique. */
export function probesFor(ground: Ground): Probe[] {
  return [
    ...reachProbes(ground),
    ...rightsProbes(ground),
    ...podProbes(ground),
    ...boundsProbes(ground),
    ...platformProbes(ground),
    ...worksProbes(ground),
    ...stateProbes(ground),
  ];
}

/**
 * Tries everything on two people and a team that are there already, and returns what came of it, in the order of the probes. Makes a
 * few objects in their namespaces for that; all else is a dry run or a question.
 * @param kube as somebody who may act as the accounts of those namespaces
 * @param only ids of those that are tried; all by default
 */
export async function tryIsolation(kube: Kube, ground: Ground, only?: readonly string[]): Promise<Result[]> {
  for (const whose of [ground.ann, ground.joanna, ground.team])
    for (const object of thingsOf(whose)) await kube.apply(object);
  const probes = probesFor(ground).filter(({ id }) => only?.includes(id) ?? true);
  const results: Result[] = [];
  await eachAtOnce(probes, atOnce, async (probe, index) => {
    results[index] = await attempt(probe, kube, ground);
  });
  return results;
}

/** What the probes read, change and remove: nothing of it runs. */
function thingsOf({ namespace }: Subject): KubeObject[] {
  const metadata = { name: 'probe', namespace };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { secret: 'of a probe' } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }], selector: selector.matchLabels } },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: { replicas: 0, selector, template: template({ securityContext: { runAsNonRoot: secure.runAsNonRoot } }) },
    },
  ];
}
