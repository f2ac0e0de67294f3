import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kube } from '../../kube/index.ts';
import type { Outputs } from '../output/outputs.ts';
import { readInto, type ServiceReading } from '../output/reading.ts';
import { hasRun, type SeenContainer, type SeenPod } from './seen.ts';

/** Brings what the pods of services say into their books, with notes on how they began and ended. */
export type Following = {
  /** Looks at what there is of a service now. */
  look(serviceId: string, namespace: string, pods: readonly SeenPod[]): void;
  /** The last a service said. */
  lines(serviceId: string): readonly string[];
  mark(serviceId: string, text: string): void;
  /** Nothing is followed any more; what was said stays. */
  forget(serviceId: string): void;
  close(): Promise<void>;
};

type Followed = {
  reading: Promise<ServiceReading>;
  known: ServiceReading | undefined;
  /** Instances of containers that are read, or were, and whose end is noted. */
  begun: Map<string, AbortController>;
  ended: Set<string>;
  /** Instances that run now. */
  running: Set<string>;
  isNew: boolean;
};

const mostStreams = 20;

/** Which log is read. `since`: only what was said later; milliseconds. */
export type LogAt = {
  namespace: string;
  pod: string;
  container: string;
  since: number | undefined;
  /** Whether this instance of the container has ended: what the next one writes is read as that one's. */
  isOver(): Promise<boolean>;
};

const keyOf = (pod: SeenPod, { name, instance }: SeenContainer): string => `${pod.uid}/${name}/${instance}`;
const isRunning = ({ runningSince, ended }: SeenContainer): boolean =>
  runningSince !== undefined && ended === undefined;

/** The end of a program is seen a moment after that of its log. */
async function hasEnded(followed: Pick<Followed, 'running'>, key: string, signal: AbortSignal): Promise<boolean> {
  for (let look = 0; look < 12; look += 1) {
    if (signal.aborted || !followed.running.has(key)) return true;
    await delay(250);
  }
  return false;
}

export function createFollowing(options: {
  /** The log of a container as it grows, until it ends or `signal` says so. */
  open(at: LogAt, signal: AbortSignal): Readable;
  outputs: Outputs;
}): Following {
  const { open, outputs } = options;
  const all = new Map<string, Followed>();

  function followed(id: string): Followed {
    let found = all.get(id);
    if (found === undefined) {
      const begun: Followed = {
        reading: outputs.of(id).then((book) => (begun.known = readInto(book))),
        ...{ known: undefined, begun: new Map<string, AbortController>(), ended: new Set<string>(), isNew: true },
        running: new Set<string>(),
      };
      begun.reading.catch(() => undefined);
      all.set(id, (found = begun));
    }
    return found;
  }

  function look(id: string, namespace: string, pods: readonly SeenPod[]): void {
    const known = followed(id);
    known.running = new Set(pods.flatMap((pod) => pod.containers.filter(isRunning).map((one) => keyOf(pod, one))));
    for (const pod of pods)
      for (const container of pod.containers) {
        const key = keyOf(pod, container);
        if (hasRun(container) && !known.begun.has(key) && streamsOf(known) < mostStreams)
          void read(id, known, { namespace, pod, container, key });
        noteEnd(known, pod, container, key);
      }
    known.isNew = false;
  }

  const streamsOf = ({ begun }: Followed): number => [...begun.values()].filter(({ signal }) => !signal.aborted).length;

  async function read(
    id: string,
    known: Followed,
    { namespace, pod, container, key }: { namespace: string; pod: SeenPod; container: SeenContainer; key: string },
  ): Promise<void> {
    const abort = new AbortController();
    known.begun.set(key, abort);
    try {
      const since = known.isNew ? (await outputs.of(id)).recent().at(-1)?.at : undefined;
      const reading = await known.reading;
      if (since === undefined) reading.mark(container.restarts === 0 ? 'Started.' : 'Started again.');
      const isOver = (): Promise<boolean> => hasEnded(known, key, abort.signal);
      const at = { namespace, pod: pod.name, container: container.name, since, isOver };
      const stream = open(at, abort.signal);
      reading.read(stream, () => undefined, 'out');
      stream.once('close', () => abort.abort());
    } catch {
      // What cannot be read is not there any more, or is read when it is seen again.
      abort.abort();
    }
  }

  function noteEnd(
    known: Followed,
    pod: SeenPod,
    { ended, endedBefore, restarts, waiting, isInit }: SeenContainer,
    key: string,
  ): void {
    const last = ended ?? (waiting !== undefined ? endedBefore : undefined);
    if (last === undefined || isInit || known.ended.has(key) || !known.begun.has(key)) return;
    known.ended.add(key);
    const again = pod.isEnding || pod.isOfJob || restarts >= 2 ? '' : ' It is started again.';
    void known.reading.then((reading) =>
      reading.mark(`The program ended with exit code ${last.exitCode}.${again}`, 'output'),
    );
  }

  function forget(id: string): void {
    const known = all.get(id);
    if (known === undefined) return;
    for (const abort of known.begun.values()) abort.abort();
    all.delete(id);
  }

  return {
    look,
    lines: (id) => all.get(id)?.known?.lines() ?? [],
    mark: (id, text) =>
      void followed(id)
        .reading.then((reading) => reading.mark(text, 'output'))
        .catch(() => undefined),
    forget,
    async close() {
      for (const id of [...all.keys()]) forget(id);
    },
  };
}

/** What a container writes, until it has ended. */
export function readLog(
  kube: Kube,
  { namespace, pod, container, since, isOver }: LogAt,
  signal: AbortSignal,
): Readable {
  const after = since === undefined ? {} : { since: new Date(since + 1).toISOString() };
  const lines = kube.logs(namespace, pod, { container, follow: true, ...after, isOver, signal });
  async function* texts(): AsyncGenerator<string> {
    for await (const { text } of lines) yield `${text}\n`;
  }
  return Readable.from(texts());
}
