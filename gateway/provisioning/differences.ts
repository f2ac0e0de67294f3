import type { KubeObject } from '../kube/index.ts';
import type { Desired, StepName } from './desired/desired.ts';
import { keyOf, type Observed } from './observed.ts';

/** What is not as it shall be. `fields` of a changed object, `metadata.labels.knot/owner` for example. */
export type Difference = { step: StepName; key: string } & (
  | { is: 'missing'; object: KubeObject }
  | { is: 'changed'; object: KubeObject; found: KubeObject; fields: string[] }
  /** An administrator has taken it over: `reason` is what they wrote. */
  | { is: 'overridden'; found: KubeObject; reason: string }
  | { is: 'unwanted'; found: KubeObject }
);

/**
 * Kinds of which an administrator may take one object over by `knot/override` (decision 0065). Of no other: people may write claims,
 * and what gives rights goes when the right goes.
 */
const overridable = new Set(['ResourceQuota', 'LimitRange', 'NetworkPolicy']);

/** Why an object is left alone; undefined when it is not. */
export function overrideOf({ kind, metadata }: KubeObject): string | undefined {
  return overridable.has(kind) ? metadata.annotations?.['knot/override'] : undefined;
}

/** Compares what there is with what there shall be; `undecided` may be there, however they are. Pure. */
export function differencesOf(
  desired: readonly Desired[],
  { namespace, objects }: Observed,
  undecided: ReadonlySet<string>,
): Difference[] {
  const differences: Difference[] = [];
  const wanted = new Set<string>();
  for (const { step, object } of desired) {
    const key = keyOf(object);
    wanted.add(key);
    const found = object.kind === 'Namespace' ? namespace : objects.get(key);
    if (found === undefined) {
      differences.push({ is: 'missing', step, key, object });
      continue;
    }
    const reason = overrideOf(found);
    const fields = reason === undefined ? fieldsOff(object, found) : [];
    if (reason !== undefined) differences.push({ is: 'overridden', step, key, found, reason });
    else if (fields.length > 0) differences.push({ is: 'changed', step, key, object, found, fields });
  }
  for (const [key, found] of objects) {
    if (wanted.has(key) || undecided.has(key)) continue;
    const reason = overrideOf(found);
    if (reason !== undefined) differences.push({ is: 'overridden', step: 'tidy', key, found, reason });
    else differences.push({ is: 'unwanted', step: 'tidy', key, found });
  }
  return differences;
}

/** Parts in which nothing may stand beside what we want: one line more in them would open or give something. */
const whole: Record<string, readonly string[]> = {
  NetworkPolicy: ['spec'],
  ResourceQuota: ['spec'],
  LimitRange: ['spec'],
  RoleBinding: ['subjects', 'roleRef'],
};

export const wholeParts = ({ kind }: KubeObject): readonly string[] => whole[kind] ?? [];

/** Where an object is not what is wanted. What stands in it beside that is somebody else's, but for the parts that must be whole. */
export function fieldsOff(wanted: KubeObject, found: KubeObject): string[] {
  const off: string[] = [];
  for (const [name, value] of Object.entries(wanted))
    compare(value, found[name], name, wholeParts(wanted).includes(name), off);
  return off;
}

function compare(wanted: unknown, found: unknown, path: string, isWhole: boolean, off: string[]): void {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) return void off.push(path);
    wanted.forEach((item, index) => compare(item, found[index], `${path}[${index}]`, isWhole, off));
    return;
  }
  if (typeof wanted !== 'object' || wanted === null) {
    if (wanted !== found) off.push(path);
    return;
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return void off.push(path);
  const there = found as Record<string, unknown>;
  for (const [name, value] of Object.entries(wanted)) compare(value, there[name], `${path}.${name}`, isWhole, off);
  if (isWhole) for (const name of Object.keys(there)) if (!(name in wanted)) off.push(`${path}.${name}`);
}
