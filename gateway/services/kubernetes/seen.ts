import { addressesOfPod, type Endpoints, endpointsOf, isHeld, type KubeObject } from '../../kube/index.ts';
import { contentMark, portMark, replicasMark, revisionMark, serviceLabel } from './marks.ts';

/** What is kept of the objects of all services: as little as is looked at, because there may be thousands. */
type Named = { namespace: string; name: string; uid: string; service: string };

export type SeenProgram = Named & {
  kind: 'Deployment' | 'StatefulSet';
  revision: number;
  content: string | undefined;
  /** How many there are to be while it runs. */
  replicas: number;
  /** How many there are to be now. */
  wanted: number;
  /** What is wanted has been seen by whoever makes it so, and is there. */
  isReady: boolean;
  /** Why no pods are made. */
  failure: string | undefined;
};

export type Ended = { exitCode: number; reason: string | undefined; at: number };

export type SeenContainer = {
  name: string;
  isInit: boolean;
  image: string;
  isReady: boolean;
  restarts: number;
  /** Of the container that is, or was last. */
  instance: string;
  waiting?: { reason: string; message: string };
  runningSince?: number;
  ended?: Ended;
  /** How the one before ended. */
  endedBefore?: Ended;
};

/** Whether this container, or one before it in the same place, was ever begun. */
export const hasRun = ({ runningSince, ended, endedBefore }: SeenContainer): boolean =>
  runningSince !== undefined || ended !== undefined || endedBefore !== undefined;

export type SeenPod = Named & {
  createdAt: number;
  isEnding: boolean;
  /** By when it was to have ended. */
  endsBy?: number;
  /** Its node was given up: what the kubelet said of it last was that it is well. */
  isCutOff: boolean;
  phase: string;
  reason: string | undefined;
  isReady: boolean;
  node: string | undefined;
  unschedulable: string | undefined;
  /** What it asks for beside processors and memory. */
  asksFor: Readonly<Record<string, string>>;
  addresses: readonly string[];
  containers: readonly SeenContainer[];
  /** The container that people mean: that of the usual annotation (`kubectl exec` goes by it), else the first. Statuses are in order of names. */
  main: string | undefined;
  /** Of a task of the release, not of a program. */
  isOfJob: boolean;
};

/** `isIdle`: suspended by its chart or by hand, and nobody waits for it. */
export type SeenJob = Named & { isHook: boolean; hasEnded: boolean; isIdle: boolean; failure: string | undefined };

export type SeenService = Named & { port: string | undefined; ports: readonly { name: string; port: number }[] };

export type SeenEndpoints = Named & Endpoints;

/** Of an object, what is looked at (Kubernetes API reference); the API server keeps to its own schema. */
type Condition = { type: string; status: string; reason?: string; message?: string };
type State = {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { exitCode?: number; reason?: string; finishedAt?: string };
};
type ContainerStatus = {
  name: string;
  image?: string;
  ready?: boolean;
  restartCount?: number;
  containerID?: string;
  state?: State;
  lastState?: State;
};
type ProgramObject = {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    conditions?: Condition[];
  };
};
type PodObject = {
  spec?: {
    nodeName?: string;
    readinessGates?: unknown[];
    containers?: { name?: string; resources?: { limits?: Record<string, string> } }[];
  };
  status?: {
    phase?: string;
    reason?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
};
type JobObject = { spec?: { suspend?: boolean }; status?: { conditions?: Condition[] } };
type ServiceObject = { spec?: { ports?: { name?: string; port: number }[] } };
const namedOf = ({ metadata }: KubeObject): Named => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid ?? '',
  service: metadata.labels?.[serviceLabel] ?? '',
});

const timeOf = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text) || 0);

export function seenProgram(object: KubeObject): SeenProgram {
  const { spec, status } = object as ProgramObject;
  const marks = object.metadata.annotations ?? {};
  const wanted = spec?.replicas ?? 1;
  const isKnown = (status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
  const failure = status?.conditions?.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
  return {
    ...namedOf(object),
    kind: object.kind as SeenProgram['kind'],
    revision: Number(marks[revisionMark] ?? 0),
    content: marks[contentMark],
    replicas: Number(marks[replicasMark] ?? 1),
    wanted,
    isReady:
      isKnown &&
      (status?.readyReplicas ?? 0) >= wanted &&
      (status?.updatedReplicas ?? 0) >= wanted &&
      (status?.replicas ?? 0) === wanted,
    failure: failure?.message,
  };
}

const endedOf = (state: State | undefined): Ended | undefined => {
  const ended = state?.terminated;
  return ended && { exitCode: ended.exitCode ?? 0, reason: ended.reason, at: timeOf(ended.finishedAt) };
};

function containerOf(status: ContainerStatus, isInit: boolean): SeenContainer {
  const { name, image = '', ready = false, restartCount = 0, state, lastState, containerID } = status;
  const { waiting, running } = state ?? {};
  const ended = endedOf(state);
  const endedBefore = endedOf(lastState);
  return {
    ...{ name, image, isInit, isReady: ready, restarts: restartCount },
    instance: containerID || String(restartCount),
    ...(waiting && { waiting: { reason: waiting.reason ?? '', message: waiting.message ?? '' } }),
    ...(running && { runningSince: timeOf(running.startedAt) }),
    ...(ended && { ended }),
    ...(endedBefore && { endedBefore }),
  };
}

export function seenPod(object: KubeObject): SeenPod {
  const { spec, status } = object as PodObject;
  const is = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted);
  const scheduled = is('PodScheduled');
  const isUnschedulable = scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
  const asksFor: Record<string, string> = {};
  for (const { resources } of spec?.containers ?? [])
    for (const [name, amount] of Object.entries(resources?.limits ?? {}))
      if (name.includes('/')) asksFor[name] = String(amount);
  return {
    ...namedOf(object),
    createdAt: timeOf(object.metadata.creationTimestamp),
    isEnding: object.metadata.deletionTimestamp !== undefined,
    ...(object.metadata.deletionTimestamp !== undefined && { endsBy: timeOf(object.metadata.deletionTimestamp) }),
    // The controller of nodes takes back this one condition (`MarkPodsNotReady`), and only that.
    isCutOff:
      is('ContainersReady')?.status === 'True' &&
      is('Ready')?.status === 'False' &&
      (spec?.readinessGates ?? []).length === 0,
    phase: status?.phase ?? 'Pending',
    reason: status?.reason,
    isReady: is('Ready')?.status === 'True',
    node: spec?.nodeName,
    unschedulable: isUnschedulable ? (scheduled.message ?? '') : undefined,
    asksFor,
    addresses: addressesOfPod(object),
    containers: [
      ...(status?.initContainerStatuses ?? []).map((one) => containerOf(one, true)),
      ...(status?.containerStatuses ?? []).map((one) => containerOf(one, false)),
    ],
    main: mainOf(object),
    isOfJob: (object.metadata.ownerReferences ?? []).some(({ kind }) => kind === 'Job'),
  };
}

function mainOf(object: KubeObject): string | undefined {
  const names = ((object as PodObject).spec?.containers ?? []).map(({ name }) => name);
  const named = object.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  return named !== undefined && names.includes(named) ? named : names[0];
}

export function seenJob(object: KubeObject): SeenJob {
  const { spec, status } = object as JobObject;
  const is = (wanted: string) =>
    status?.conditions?.find(({ type, status: value }) => type === wanted && value === 'True');
  const failed = is('Failed');
  return {
    ...namedOf(object),
    isHook: object.metadata.annotations?.['helm.sh/hook'] !== undefined,
    hasEnded: is('Complete') !== undefined || is('SuccessCriteriaMet') !== undefined,
    isIdle: spec?.suspend === true && !isHeld(object.metadata),
    failure: failed && (failed.message ?? ''),
  };
}

export function seenService(object: KubeObject): SeenService {
  const ports = (object as ServiceObject).spec?.ports ?? [];
  return {
    ...namedOf(object),
    port: object.metadata.annotations?.[portMark],
    ports: ports.map(({ name = '', port }) => ({ name, port })),
  };
}

export const seenEndpoints = (object: KubeObject): SeenEndpoints => ({ ...namedOf(object), ...endpointsOf(object) });
