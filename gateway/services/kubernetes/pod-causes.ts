import { causeOf } from '../causes.ts';
import type { Cause, Size } from '../service.ts';
import { passes, sayRefusal } from './say-refusal.ts';
import { hasRun, type SeenContainer, type SeenJob, type SeenPod, type SeenProgram } from './seen.ts';

/** How a service is judged. */
export type SightFacts = {
  /** How long a program may take until it answers. */
  startSeconds: number;
  size: Size | undefined;
  /** The last it said. */
  lines: readonly string[];
  now: number;
};

/** Why it does not run; final when waiting changes nothing any more. */
export type Standing = { cause: Cause; isFinal: boolean };

/** Ends of a program after which it is given up. */
const endsUntilGone = 3;
/** After which that nothing is heard is said, and after which it is given up. */
const silenceMs = 8_000;
const longestSilenceMs = 20 * 60_000;
const pullErrors = new Set(['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'RegistryUnavailable']);

/** Why a service does not run, from its pods and from what makes them: the first thing that is known, the worst first. Pure. */
export function causeOfPods(
  { programs, pods, jobs }: { programs: readonly SeenProgram[]; pods: readonly SeenPod[]; jobs: readonly SeenJob[] },
  facts: SightFacts,
): Standing | undefined {
  const found: Standing[] = [];
  for (const { failure } of programs) if (failure !== undefined) found.push(notMade(failure));
  for (const { failure, isHook } of jobs) if (failure !== undefined && !isHook) found.push(taskFailed(facts));
  for (const pod of pods) {
    if (pod.isReady || pod.phase === 'Succeeded') continue;
    const cause = causeOfPod(pod, facts);
    if (cause !== undefined) found.push(cause);
  }
  return found.find(({ isFinal }) => isFinal) ?? found[0];
}

function causeOfPod(pod: SeenPod, facts: SightFacts): Standing | undefined {
  if (pod.unschedulable !== undefined) return { cause: waitsForRoom(pod, pod.unschedulable), isFinal: false };
  if (pod.reason === 'Evicted')
    return {
      isFinal: false,
      cause: {
        code: 'evicted',
        what: 'Its machine ran out of memory or disk, and ended it.',
        remedy: 'It is started again; choose a larger size if that happens often.',
      },
    };
  if (pod.isCutOff) return nodeLost;
  for (const container of pod.containers) {
    const found = causeOfContainer(container, pod, facts);
    if (found !== undefined) return found;
  }
  return causeOfSilence(pod, facts);
}

export const nodeLost: Standing = {
  isFinal: false,
  cause: {
    code: 'node-lost',
    what: 'Its machine does not answer; nobody can say whether it still runs there.',
    remedy:
      'It goes on when the machine is back, or is begun on another one after about five minutes, if there is one that reaches its files; an administrator sees to the machine.',
  },
};

/** Nothing was heard of it since it has a machine: an image that takes long, or never comes, or storage that cannot be had. */
function causeOfSilence({ node, containers, createdAt }: SeenPod, { now }: SightFacts): Standing | undefined {
  const silentMs = now - createdAt;
  if (node === undefined || containers.some(hasRun) || silentMs < silenceMs) return undefined;
  return {
    isFinal: silentMs > longestSilenceMs,
    cause: {
      code: 'not-begun-yet',
      what: 'Its machine has not begun it yet: its image takes long to fetch, or its storage is not there.',
      remedy: 'A large image takes some minutes the first time; if it takes longer, ask an administrator.',
    },
  };
}

function causeOfContainer(container: SeenContainer, pod: SeenPod, facts: SightFacts): Standing | undefined {
  const { waiting, ended, endedBefore, restarts, runningSince, isReady, isInit } = container;
  if (waiting !== undefined && pullErrors.has(waiting.reason)) return imageCause(container, waiting.message);
  if (waiting?.reason === 'InvalidImageName') return { cause: noImage(container), isFinal: true };
  if (waiting !== undefined && /^Create|^RunContainer|^StartError/.test(waiting.reason))
    return { cause: notStarted(waiting.message), isFinal: restarts >= endsUntilGone };
  const last = ended ?? endedBefore;
  const isBetween = ended !== undefined || waiting?.reason === 'CrashLoopBackOff';
  if (isBetween && last !== undefined && (last.exitCode !== 0 || !isInit)) {
    const ends = restarts + (ended === undefined ? 0 : 1);
    // The pods of a task are counted by it.
    return { cause: endedCause(last, facts), isFinal: !pod.isOfJob && ends >= endsUntilGone };
  }
  if (runningSince !== undefined && !isReady && !isInit && !pod.isOfJob) {
    const isLate = facts.now - runningSince > facts.startSeconds * 1000;
    if (isLate) return { cause: causeOf({ reason: 'did not answer in time', lines: facts.lines }), isFinal: true };
    // It ended before, and says nothing new yet.
    if (endedBefore !== undefined && restarts > 0) return { cause: endedCause(endedBefore, facts), isFinal: false };
  }
  return undefined;
}

function endedCause(
  { exitCode, reason }: { exitCode: number; reason: string | undefined },
  { lines, size }: SightFacts,
): Cause {
  const crossed = reason === 'OOMKilled' ? 'memory' : undefined;
  return causeOf({ reason: `ended with exit code ${exitCode}`, lines, crossed, size });
}

function imageCause(container: SeenContainer, message: string): Standing {
  // A registry that does not tell a stranger what there is: containerd (`remotes/docker`) says both in one sentence.
  const isEither = /pull access denied|does not exist or may require|insufficient_scope/i.test(message);
  if (isEither)
    return {
      isFinal: true,
      cause: {
        code: 'image-refused',
        what: `There is no image ${container.image}, or its registry does not let you have it.`,
        remedy: 'Correct its name. What is not public must lie in a project of yours.',
      },
    };
  const isNone = /not found|manifest unknown|does not exist|repository name|NAME_UNKNOWN/i.test(message);
  if (isNone) return { cause: noImage(container), isFinal: true };
  const isRefused = /unauthorized|denied|forbidden|authentication required/i.test(message);
  if (isRefused)
    return {
      isFinal: true,
      cause: {
        code: 'image-refused',
        what: `The image ${container.image} may not be used: its registry refuses it.`,
        remedy: 'Correct its name; an administrator decides which registries are signed in to.',
      },
    };
  return {
    isFinal: false,
    cause: {
      code: 'image-late',
      what: `The image ${container.image} cannot be fetched now: its registry does not answer, or its name is wrong.`,
      remedy: 'It is tried again by itself. If that does not help, correct the name of the image in its values.',
    },
  };
}

const noImage = ({ image }: SeenContainer): Cause => ({
  code: 'no-image',
  what: `There is no image ${image}.`,
  remedy: 'Correct the name or the tag of the image in its values, and start it again.',
});

function notStarted(message: string): Cause {
  const missing = /(secret|configmap) "([a-z0-9.-]{1,253})" not found/i.exec(message);
  if (missing)
    return {
      code: 'not-there',
      what: `It needs the ${missing[1]!.toLowerCase() === 'secret' ? 'Secret' : 'ConfigMap'} ${missing[2]}, which is not there.`,
      remedy: 'Make it, or correct the name in its values.',
    };
  if (/executable file not found|no such file or directory/i.test(message))
    return {
      code: 'no-program',
      what: 'The program that it is to start is not in its image.',
      remedy: 'Correct the command or the image in its values; whoever keeps the template can do that too.',
    };
  if (/runAsNonRoot|run as root/i.test(message))
    return {
      code: 'pod-security',
      what: 'Its image runs as root, which pods may not here.',
      remedy: 'Use an image that runs as another user.',
    };
  return {
    code: 'not-started',
    what: 'Its program could not be started.',
    remedy: 'Correct its values; whoever keeps the template may have to.',
  };
}

function notMade(message: string): Standing {
  const cause = sayRefusal(message) ?? {
    code: 'not-made',
    what: 'The cluster makes no pods of it.',
    remedy: 'Start it again; if that does not help, an administrator finds the reason in the cluster.',
  };
  // Whoever makes the pods tries again by itself.
  return { cause, isFinal: !passes(cause) };
}

const taskFailed = ({ lines }: SightFacts): Standing => ({
  isFinal: true,
  cause: {
    code: 'task',
    what: 'A task that belongs to it did not end well.',
    remedy: 'Its last lines may say why; correct its values and start it again.',
    ...(lines.length > 0 && { lines: lines.slice(-20) }),
  },
});

/** `0/3 nodes are available: 3 Insufficient nvidia.com/gpu.` (kube-scheduler), as what it waits for. */
function waitsForRoom({ asksFor }: SeenPod, message: string): Cause {
  const lacking = [
    ...new Set([...message.matchAll(/Insufficient ([a-z0-9./-]+?)[.,]?(?=\s|$)/g)].map(([, name]) => name!)),
  ];
  const special = lacking.filter((name) => name.includes('/'));
  if (special.length > 0)
    return {
      code: 'waits',
      what: `It waits for ${special.map((name) => `${asksFor[name] ?? ''} ${name}`.trim()).join(' and ')}: all are taken, or there are none.`,
      remedy: 'It starts when there is one free; or choose to do without.',
    };
  if (lacking.length > 0) {
    const words = lacking.map((name) => (name === 'cpu' ? 'processors' : name));
    return {
      code: 'waits',
      what: `It waits for room: no machine has enough ${words.join(' and ')} free.`,
      remedy: 'It starts when others have stopped theirs; or choose a smaller size.',
    };
  }
  if (/persistentvolumeclaim|volume node affinity|unbound/i.test(message))
    return {
      code: 'waits-for-volume',
      what: 'It waits for its storage.',
      remedy: 'It starts when that is there; if it takes more than a minute, ask an administrator.',
    };
  return {
    code: 'waits',
    what: 'It waits for a machine that may take it.',
    remedy: 'An administrator can see what keeps the machines of the cluster from it.',
  };
}
