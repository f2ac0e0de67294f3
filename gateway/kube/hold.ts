import type { Kube } from './client.ts';
import { isKubeFault } from './faults.ts';
import { type Kind, kinds } from './kinds.ts';
import type { KubeObject, ObjectMeta } from './objects.ts';

/** What is brought to rest, and why: a word. Each reason is taken back for itself. */
export type Hold = { namespace: string; labels?: string; by: string };

const programs: readonly Kind[] = [kinds.deployment, kinds.statefulSet];
const tasks: readonly Kind[] = [kinds.cronJob, kinds.job];
const prefix = 'knot/before-';

/** Annotation of what is held for a reason: what it was before, as `wasAtRest` or `2` or `running`. */
export const holdMark = (by: string): string => `${prefix}${by}`;

/** Marks of programs and of tasks that are to rest on when they are let go. */
export const wasAtRest = { program: '0', task: 'suspended' } as const;

/** Whether it rests only until a reason is taken back. */
export const isHeld = ({ annotations = {} }: Pick<ObjectMeta, 'annotations'>): boolean =>
  Object.keys(annotations).some((name) => name.startsWith(prefix));

/**
 * Brings to rest what makes pods: programs have none of them, what runs by time or as a job is suspended. What each was is written
 * beside it. What rests because somebody wants that is left alone; what is held for another reason is held for this one too, and runs
 * again when none is left. Done any number of times. Pods that nothing makes anew are not touched.
 */
export async function hold(kube: Kube, { by, ...which }: Hold): Promise<void> {
  const mark = holdMark(by);
  await changeAll(kube, which, (object) => {
    const { annotations = {} } = object.metadata;
    const now = stateOf(object);
    if (!rests(now)) return { metadata: { annotations: { [mark]: now } }, spec: specOf(object, undefined) };
    const was = Object.entries(annotations).find(([name]) => name.startsWith(prefix))?.[1];
    if (was === undefined || annotations[mark] !== undefined) return undefined;
    return { metadata: { annotations: { [mark]: was } } };
  });
}

/** Lets run again what is held for this reason and no other, as it was. What somebody has begun meanwhile stays as it is. */
export async function letGo(kube: Kube, { by, ...which }: Hold): Promise<void> {
  const mark = holdMark(by);
  await changeAll(kube, which, (object) => {
    const { [mark]: was, ...others } = object.metadata.annotations ?? {};
    if (was === undefined) return undefined;
    const runsAgain = rests(stateOf(object)) && !rests(was) && !isHeld({ annotations: others });
    return {
      metadata: { annotations: { [mark]: null } },
      ...(runsAgain && { spec: specOf(object, was) }),
    };
  });
}

const isTask = ({ kind }: KubeObject): boolean => kind === 'CronJob' || kind === 'Job';
const rests = (state: string): boolean => state === wasAtRest.program || state === wasAtRest.task;

function stateOf(object: KubeObject): string {
  const { replicas = 1, suspend = false } = (object['spec'] ?? {}) as { replicas?: number; suspend?: boolean };
  if (isTask(object)) return suspend ? wasAtRest.task : 'running';
  return String(replicas);
}

/** `was`: undefined to be at rest. A mark is its owner's to write: of one that is no number there is one pod. */
function specOf(object: KubeObject, was: string | undefined): object {
  if (isTask(object)) return { suspend: was === undefined };
  if (was === undefined) return { replicas: 0 };
  return { replicas: /^\d{1,6}$/.test(was) ? Number(was) : 1 };
}

/** What is going, and jobs that have ended (`status.conditions` of a Job): nothing of them is begun again. */
function isOver({ metadata, status }: KubeObject): boolean {
  const { conditions } = (status ?? {}) as { conditions?: { type: string; status: string }[] | null };
  return (
    metadata.deletionTimestamp !== undefined ||
    (conditions ?? []).some(({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Failed'))
  );
}

type Change = (object: KubeObject) => { metadata: object; spec?: object } | undefined;

async function changeAll(kube: Kube, which: { namespace: string; labels?: string }, change: Change): Promise<void> {
  for (const kind of [...programs, ...tasks])
    for (const object of (await kube.list(kind, which)).items) await changeOne(kube, kind, object, change);
}

const mostTries = 10;

/** By what it is at that moment: another reason may be given or taken back at the same time. */
async function changeOne(kube: Kube, kind: Kind, listed: KubeObject, change: Change): Promise<void> {
  const { name, namespace } = listed.metadata;
  let object: KubeObject | undefined = listed;
  for (let tries = 1; object !== undefined; tries += 1) {
    const wanted = isOver(object) ? undefined : change(object);
    if (wanted === undefined) return;
    const { resourceVersion } = object.metadata;
    try {
      await kube.merge(kind, name, namespace, { ...wanted, metadata: { ...wanted.metadata, resourceVersion } });
      return;
    } catch (error) {
      if (!isKubeFault(error, 'KNOT_KUBE_CONFLICT') || tries === mostTries) throw error;
      object = await kube.get(kind, name, namespace);
    }
  }
}
