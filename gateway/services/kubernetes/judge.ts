import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/index.ts';
import type { Obstacle } from '../refusals.ts';
import { type Exposed, exposeAnnotation, exposedBy } from './expose.ts';
import { type Rendered, textOf } from './manifest.ts';
import { podProblems } from './pod-rules.ts';

/** Whose release it is to be. */
export type Grounds = { namespace: string; release: string; host: string };

/** What may be applied: `objects` without what Knot does in its place, and without tests. */
export type Judged = { objects: Rendered[]; exposed?: Exposed };

type Rule = {
  apiVersions: readonly string[];
  judge?(object: Rendered): string[];
  podOf?(spec: JsonObject): JsonValue | undefined;
};

const template = (spec: JsonObject): JsonValue | undefined =>
  isJsonObject(spec['template']) ? spec['template']['spec'] : undefined;
const ofCronJob = (spec: JsonObject): JsonValue | undefined => {
  const job = isJsonObject(spec['jobTemplate']) ? spec['jobTemplate']['spec'] : undefined;
  return isJsonObject(job) ? template(job) : undefined;
};

/** All that a service may consist of. What is not here is refused: Helm acts with the rights of a person, who may do more by hand. */
const rules: Readonly<Record<string, Rule>> = {
  ConfigMap: { apiVersions: ['v1'] },
  Secret: { apiVersions: ['v1'], judge: secretProblems },
  Service: { apiVersions: ['v1'], judge: serviceProblems },
  PersistentVolumeClaim: { apiVersions: ['v1'], judge: ({ spec }) => claimProblems(spec) },
  Pod: { apiVersions: ['v1'], podOf: (spec) => spec, judge: barePodProblems },
  Deployment: { apiVersions: ['apps/v1'], podOf: template },
  StatefulSet: { apiVersions: ['apps/v1'], podOf: template, judge: statefulSetProblems },
  Job: { apiVersions: ['batch/v1'], podOf: template },
  CronJob: { apiVersions: ['batch/v1'], podOf: ofCronJob },
  HorizontalPodAutoscaler: { apiVersions: ['autoscaling/v2', 'autoscaling/v1'] },
  PodDisruptionBudget: { apiVersions: ['policy/v1'] },
  // Their hosts are judged in `expose.ts`; the gateway does what they say.
  Ingress: { apiVersions: ['networking.k8s.io/v1'] },
  HTTPRoute: { apiVersions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'] },
};

/** Kinds that charts often have, and why a service may not. */
const reasons: Readonly<Record<string, string>> = {
  Namespace: 'is the namespace itself, which Knot makes',
  Role: 'gives rights; a service has none of its own',
  RoleBinding: 'gives rights; a service has none of its own',
  ClusterRole: 'gives rights in the whole cluster',
  ClusterRoleBinding: 'gives rights in the whole cluster',
  ServiceAccount: 'is an identity; those of the namespace are made by Knot (turn off serviceAccount.create)',
  NetworkPolicy: 'decides who reaches whom, which Knot does',
  ResourceQuota: 'decides how much there is, which the plan does',
  LimitRange: 'decides how much there is, which the plan does',
  PersistentVolume: 'is storage of the whole cluster; claim some',
  StorageClass: 'is storage of the whole cluster',
  CustomResourceDefinition: 'is a new kind for the whole cluster; an administrator installs it',
  DaemonSet: 'runs on every node of the cluster; a Deployment does not',
  ReplicaSet: 'is what a Deployment makes; have a Deployment',
  ReplicationController: 'is what came before Deployments; have a Deployment',
  EndpointSlice: 'names addresses by hand; a Service selects pods',
  Endpoints: 'names addresses by hand; a Service selects pods',
  MutatingWebhookConfiguration: 'changes what others make in the whole cluster',
  ValidatingWebhookConfiguration: 'decides over what others make in the whole cluster',
  APIService: 'extends the API of the whole cluster',
  PriorityClass: 'belongs to the whole cluster',
};

const hooks = new Set([
  ...['pre-install', 'post-install', 'pre-upgrade', 'post-upgrade', 'pre-rollback', 'post-rollback'],
  ...['pre-delete', 'post-delete', 'test', 'test-success', 'test-failure'],
]);
/** Names of what Knot puts into each namespace. */
const ownNames = /^(?:knot-(?:user|notebook|workflow|private|shared|team-.*)|default|kube-root-ca\.crt)$/;
const form = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Whether what a chart renders may be applied for its owner, and what of it. Pure. Hooks obey the same rules as everything else. The
 * API server judges all of it again, as the owner's service account: this is what it would say, and what it would not.
 */
export function judge(rendered: readonly Rendered[], grounds: Grounds): Judged | { problems: Obstacle[] } {
  const problems: Obstacle[] = [];
  const refuse = (message: string, remedy = changeIt): void =>
    void problems.push({ field: 'template', message, remedy });
  const seen = new Set<string>();
  for (const object of rendered) {
    const what = `${object.kind} "${object.metadata.name}"`;
    if (seen.has(what)) refuse(`Its ${what} is there twice.`);
    seen.add(what);
    for (const problem of problemsOf(object, grounds)) refuse(`Its ${what} ${problem}.`);
  }
  const kept = rendered.filter((object) => !isTest(object));
  const { exposed, problems: unreachable } = exposedBy(kept, grounds);
  for (const problem of unreachable) refuse(`It ${problem}.`);
  const objects = kept.filter(({ kind }) => kind !== 'Ingress' && kind !== 'HTTPRoute');
  if (rendered.length === 0) refuse('The template renders nothing with these values.', 'Choose other values.');
  else if (problems.length === 0 && !objects.some(isProgram))
    refuse('There is nothing in it that goes on running: no Deployment and no StatefulSet.');
  if (problems.length > 0) return { problems: problems.slice(0, mostTold) };
  return { objects, ...(exposed && { exposed }) };
}

const changeIt = 'Whoever keeps the template can change that; other values may turn it off.';
const mostTold = 10;

function problemsOf(object: Rendered, { namespace }: Grounds): string[] {
  const { apiVersion, kind, metadata } = object;
  const rule = Object.hasOwn(rules, kind) ? rules[kind] : undefined;
  if (rule === undefined || !rule.apiVersions.includes(apiVersion)) {
    const reason = Object.hasOwn(reasons, kind) ? reasons[kind] : undefined;
    return [reason ?? `${isOfNone} (${apiVersion})`];
  }
  const found = metadataProblems(metadata);
  if (!form.test(metadata.name)) found.push('has a name that is none');
  if (metadata['namespace'] !== undefined && metadata['namespace'] !== namespace)
    found.push(`belongs to the namespace "${textOf(metadata['namespace'])}", which is not the owner’s`);
  if (ownNames.test(metadata.name)) found.push('has the name of something that Knot keeps there');
  for (const field of ['finalizers', 'ownerReferences', 'generateName', 'managedFields'])
    if (metadata[field] !== undefined) found.push(`has ${field}`);
  found.push(...hookProblems(object));
  found.push(...(rule.judge?.(object) ?? []));
  const { spec } = object;
  if (rule.podOf !== undefined) {
    found.push(...podProblems(isJsonObject(spec) ? rule.podOf(spec) : undefined));
    for (const inner of metadataBelow(spec)) found.push(...metadataProblems(inner));
  }
  return found;
}

/** The versions of a kind that a service may have, or why it may have none: words that follow on what it is called. */
export function allowed(kind: string): { versions: readonly string[] } | { why: string } {
  if (Object.hasOwn(rules, kind)) return { versions: rules[kind]!.apiVersions };
  return { why: Object.hasOwn(reasons, kind) ? reasons[kind]! : isOfNone };
}

const isOfNone = 'is of a kind that a service may not have';

/** Annotations of Knot's that a chart may have: `knot/files` asks for less than all files of the owner (admission reads it). */
const ofCharts: ReadonlySet<string> = new Set([exposeAnnotation, 'knot/files']);

/** Labels and annotations choose who something is: those of Knot are Knot's. */
function metadataProblems({ labels, annotations }: JsonObject): string[] {
  const found: string[] = [];
  for (const [what, given] of [
    ['label', labels],
    ['annotation', annotations],
  ] as const)
    for (const [key, value] of Object.entries(isJsonObject(given) ? given : {})) {
      const isKnots = key === 'knot' || /^knot[/.]/.test(key) || /^[^/]*\.knot\//.test(key);
      if (isKnots && !(what === 'annotation' && ofCharts.has(key)))
        found.push(`has the ${what} ${key}, which is Knot’s`);
      if (key === 'app.kubernetes.io/managed-by' && value === 'knot') found.push('says that Knot manages it');
    }
  return found;
}

/** Of pods and claims that are made from a workload. */
function* metadataBelow(value: JsonValue | undefined, depth = 0): Generator<JsonObject> {
  if (!isJsonObject(value) || depth > 4) return;
  for (const field of ['template', 'jobTemplate']) {
    const inner = value[field];
    if (!isJsonObject(inner)) continue;
    if (isJsonObject(inner['metadata'])) yield inner['metadata'];
    yield* metadataBelow(inner['spec'], depth + 1);
  }
  const claims = value['volumeClaimTemplates'];
  for (const claim of Array.isArray(claims) ? claims : [])
    if (isJsonObject(claim) && isJsonObject(claim['metadata'])) yield claim['metadata'];
}

export const hooksOf = ({ metadata: { annotations } }: Rendered): string[] => {
  const said = isJsonObject(annotations) ? annotations['helm.sh/hook'] : undefined;
  return said === undefined || said === null
    ? []
    : textOf(said)
        .split(',')
        .map((one) => one.trim());
};

/** What is scaled, and decides whether it runs. */
export const isProgram = (object: Rendered): boolean =>
  (object.kind === 'Deployment' || object.kind === 'StatefulSet') && !isHook(object);

export const isHook = (object: Rendered): boolean => hooksOf(object).length > 0;

/** What `helm test` would run: nobody asks for it here. */
const isTest = (object: Rendered): boolean => {
  const found = hooksOf(object);
  return found.length > 0 && found.every((hook) => hook.startsWith('test'));
};

function hookProblems(object: Rendered): string[] {
  return hooksOf(object)
    .filter((hook) => !hooks.has(hook))
    .map((hook) => `is to be run at "${hook}", which is no moment of a release`);
}

function barePodProblems(object: Rendered): string[] {
  return isHook(object) ? [] : ['is a pod by itself, which nobody starts again; have a Deployment'];
}

/** Helm keeps releases in Secrets, and tokens of service accounts are made for Secrets that ask for one. */
function secretProblems({ type, metadata: { name } }: Rendered): string[] {
  if (name.startsWith('sh.helm.') || textOf(type).startsWith('helm.sh/')) return ['pretends to be a release'];
  if (type === 'kubernetes.io/service-account-token') return ['asks for the token of a service account'];
  return [];
}

function serviceProblems({ spec }: Rendered): string[] {
  if (!isJsonObject(spec)) return ['has no ports'];
  const found: string[] = [];
  const { type, externalIPs, selector } = spec;
  if (type !== undefined && type !== null && type !== 'ClusterIP')
    found.push(`is of the type ${textOf(type)}, which opens it beyond the cluster past Knot`);
  if (Array.isArray(externalIPs) && externalIPs.length > 0) found.push('takes addresses outside the cluster');
  if (!isJsonObject(selector) || Object.keys(selector).length === 0) found.push('selects no pods');
  return found;
}

function claimProblems(spec: JsonValue | undefined): string[] {
  if (!isJsonObject(spec)) return ['asks for nothing'];
  const { volumeName, dataSource, dataSourceRef } = spec;
  const found: string[] = [];
  if (volumeName !== undefined && volumeName !== null && volumeName !== '') found.push('takes a certain volume');
  if (isJsonObject(dataSourceRef) && dataSourceRef['namespace'] !== undefined)
    found.push('begins as a copy of what another namespace has');
  if (isJsonObject(dataSource) && dataSource['namespace'] !== undefined)
    found.push('begins as a copy of what another namespace has');
  return found;
}

function statefulSetProblems({ spec }: Rendered): string[] {
  const claims = isJsonObject(spec) ? spec['volumeClaimTemplates'] : undefined;
  return (Array.isArray(claims) ? claims : []).flatMap((claim) =>
    isJsonObject(claim) ? claimProblems(claim['spec']) : [],
  );
}
