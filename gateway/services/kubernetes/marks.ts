import { createHash } from 'node:crypto';
import { holdMark, wasAtRest } from '../../kube/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';
import type { Exposed } from './expose.ts';
import { isProgram } from './judge.ts';
import type { Rendered } from './manifest.ts';

/** On everything of a service, and on its pods: its id. */
export const serviceLabel = 'knot/service';
/** On its programs: by which revision of the service they run, what they were made of, and how many of them there are usually. */
export const revisionMark = 'knot/revision';
export const contentMark = 'knot/content';
export const replicasMark = 'knot/replicas';
/** Why a service is held (`hold` in kube). */
export const stopped = 'stop';
/** On its Service that is reached: the port. */
export const portMark = 'knot/port';

/** Writes whose it is into what was judged. */
export function mark(
  objects: readonly Rendered[],
  {
    id,
    revision,
    content,
    exposed,
    replicas,
  }: {
    id: string;
    revision: number;
    content: string;
    exposed?: Exposed | undefined;
    /** Of a program there is, and whose chart leaves its number to whoever scales it. */
    replicas(kind: string, name: string): string | undefined;
  },
): Rendered[] {
  return objects.map((object) => {
    const marked = labelled(object, id) as Rendered;
    if (isProgram(object))
      return annotated(marked, {
        [revisionMark]: String(revision),
        [contentMark]: content,
        [replicasMark]: numberOf(object) ?? replicas(object.kind, object.metadata.name) ?? '1',
        ...(numberOf(object) === '0' && { [holdMark(stopped)]: wasAtRest.program }),
      });
    // Its chart lets it rest: it is not begun when the service is, whatever it was before.
    if (isSuspended(object)) return annotated(marked, { [holdMark(stopped)]: wasAtRest.task });
    if (object.kind === 'Service' && object.metadata.name === exposed?.service)
      return annotated(marked, { [portMark]: String(exposed.port) });
    return marked;
  });
}

/** How many of it there are to be, where its chart says so. */
function numberOf({ spec }: Rendered): string | undefined {
  const replicas = isJsonObject(spec) ? spec['replicas'] : undefined;
  return typeof replicas === 'number' && Number.isInteger(replicas) ? String(replicas) : undefined;
}

const isSuspended = ({ spec }: Rendered): boolean => isJsonObject(spec) && spec['suspend'] === true;

/** With the label, on itself and on the pods that are made of it. Claims of a StatefulSet may not change: they have it from the start. */
function labelled(value: JsonObject, id: string): JsonObject {
  const metadata = isJsonObject(value['metadata']) ? value['metadata'] : {};
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  const spec = isJsonObject(value['spec']) ? { ...value['spec'] } : undefined;
  if (spec !== undefined) {
    for (const field of ['template', 'jobTemplate']) {
      const inner = spec[field];
      if (isJsonObject(inner)) spec[field] = labelled(inner, id);
    }
    const claims = spec['volumeClaimTemplates'];
    if (Array.isArray(claims)) spec['volumeClaimTemplates'] = claims.map((claim) => labelledOne(claim, id));
  }
  return { ...value, metadata: { ...metadata, labels: { ...labels, [serviceLabel]: id } }, ...(spec && { spec }) };
}

const labelledOne = (value: JsonValue, id: string): JsonValue => (isJsonObject(value) ? labelled(value, id) : value);

function annotated(object: Rendered, added: Record<string, string>): Rendered {
  const { annotations } = object.metadata;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...(isJsonObject(annotations) && annotations), ...added } },
  };
}

/** A short name of what something was made of. */
export const digestOf = (parts: unknown): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
