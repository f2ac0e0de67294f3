import { isKubeFault, type Kind, type Kube, type KubeObject, kinds, reasonOf } from '../../kube/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';
import type { Obstacle } from '../refusals.ts';
import { isHook } from './judge.ts';
import type { Rendered } from './manifest.ts';
import { sayRefusal } from './say-refusal.ts';

const tried: Readonly<Record<string, Kind>> = {
  Service: kinds.service,
  PersistentVolumeClaim: kinds.persistentVolumeClaim,
  Deployment: kinds.deployment,
  StatefulSet: kinds.statefulSet,
  Job: kinds.job,
  CronJob: kinds.cronJob,
};

/**
 * Asks the API server whether it would take all that (`dryRun=All`): schemas, quota, policies, webhooks. Pods are made by others later,
 * whom nobody asks: so each is tried by itself, because Pod Security and quota judge pods.
 */
export async function dryRun(
  kube: Kube,
  namespace: string,
  objects: readonly Rendered[],
  { isChange }: { isChange: boolean },
): Promise<Obstacle[]> {
  const found: Obstacle[] = [];
  const there = objects.filter((object) => !isHook(object));
  for (const object of there) {
    const kind = Object.hasOwn(tried, object.kind) ? tried[object.kind] : undefined;
    if (kind === undefined) continue;
    const whole = { ...object, metadata: { ...object.metadata, namespace } } as unknown as KubeObject;
    const problem =
      (await refusalOf(() => kube.apply(whole, { kind, dryRun: true }), object)) ??
      // What runs of it counts until the new takes its place.
      (await refusalOfPod(kube, namespace, object, isChange));
    if (problem !== undefined && !found.some(({ message }) => message === problem.message)) found.push(problem);
  }
  return found;
}

async function refusalOfPod(
  kube: Kube,
  namespace: string,
  object: Rendered,
  isChange: boolean,
): Promise<Obstacle | undefined> {
  const { spec } = object;
  const template = isJsonObject(spec) && object.kind !== 'CronJob' ? spec['template'] : undefined;
  if (!isJsonObject(template)) return undefined;
  const { labels, annotations } = isJsonObject(template['metadata']) ? template['metadata'] : {};
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `trial-${object.metadata.name}`.slice(0, 60).replace(/[^a-z0-9]+$/, ''),
      namespace,
      ...plain({ labels, annotations }),
    },
    spec: withoutClaims(template['spec'], object),
  } as unknown as KubeObject;
  return refusalOf(() => kube.create(pod, { dryRun: true }), object, isChange ? 'quota' : undefined);
}

const plain = (all: Record<string, JsonValue | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(all).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined));

/** Volumes of a StatefulSet's claims are added when its pods are made. */
function withoutClaims(spec: JsonValue | undefined, { spec: whole }: Rendered): JsonValue | undefined {
  const claims = isJsonObject(whole) ? whole['volumeClaimTemplates'] : undefined;
  if (!isJsonObject(spec) || !Array.isArray(claims)) return spec;
  const names = claims.flatMap((claim) =>
    isJsonObject(claim) && isJsonObject(claim['metadata']) ? [claim['metadata']['name']] : [],
  );
  const added = names.map((name) => ({ name: name!, emptyDir: {} }));
  return { ...spec, volumes: [...(Array.isArray(spec['volumes']) ? spec['volumes'] : []), ...added] };
}

/** What the API server does not take. That it does not answer is no obstacle of the template, and is thrown. */
async function refusalOf(
  ask: () => Promise<unknown>,
  { kind, metadata }: Rendered,
  ignored?: string,
): Promise<Obstacle | undefined> {
  try {
    await ask();
    return undefined;
  } catch (error) {
    const said = isKubeFault(error) ? reasonOf(error) : undefined;
    // What is there already is changed, not made.
    if (said?.reason === 'AlreadyExists') return undefined;
    const refusal = sayRefusal(said?.message ?? '');
    const isOfTemplate = said !== undefined && said.statusCode < 500 && ![401, 429].includes(said.statusCode);
    if (refusal === undefined && !isOfTemplate) throw error;
    if (refusal !== undefined && refusal.code === ignored) return undefined;
    const { what, remedy } = refusal ?? {
      what: `The cluster would not take its ${kind} "${metadata.name}"${fieldsIn(said?.message)}.`,
      remedy: 'Correct its values; whoever keeps the template may have to.',
    };
    return { field: 'template', message: what, remedy };
  }
}

/** `Deployment.apps "x" is invalid: spec.template…: Required value` names what is wrong. */
function fieldsIn(message: string | undefined): string {
  const found = /is invalid: (\[?[a-zA-Z0-9.[\]]{1,100}: [^:,]{1,60})/.exec(message ?? '');
  return found === null ? '' : ` (${found[1]!.replace(/^\[/, '')})`;
}
