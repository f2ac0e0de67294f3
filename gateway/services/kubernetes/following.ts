import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kube, LogLine } from '../../kube/index.ts';
import { type Book, linesOf } from '../output/book.ts';
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
  /** What an earlier gateway has read; what is seen later was begun under this one. */
  earlier: Promise<Earlier | undefined> | undefined;
};

const mostStreams = 20;

/** Which log is read. `earlier`: what of it need not be told again. */
export type LogAt = {
  namespace: string;
  pod: string;
  container: string;
  earlier: Earlier | undefined;
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
        ...{ known: undefined, begun: new Map<string, AbortController>(), ended: new Set<string>() },
        running: new Set<string>(),
        earlier: outputs.of(id).then(earlierIn),
      };
      begun.reading.catch(() => undefined);
      begun.earlier?.catch(() => undefined);
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
          void read(known, { namespace, pod, container, key });
        noteEnd(known, pod, container, key);
      }
    known.earlier = undefined;
  }

  const streamsOf = ({ begun }: Followed): number => [...begun.values()].filter(({ signal }) => !signal.aborted).length;

  async function read(
    known: Followed,
    { namespace, pod, container, key }: { namespace: string; pod: SeenPod; container: SeenContainer; key: string },
  ): Promise<void> {
    const abort = new AbortController();
    known.begun.set(key, abort);
    try {
      const earlier = await known.earlier;
      const reading = await known.reading;
      if (earlier === undefined || (container.runningSince ?? 0) > earlier.at)
        reading.mark(container.restarts === 0 ? 'Started.' : 'Started again.');
      const isOver = (): Promise<boolean> => hasEnded(known, key, abort.signal);
      const at = { namespace, pod: pod.name, container: container.name, earlier, isOver };
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

/**
 * What an earlier gateway has written down: `at` the last of it, milliseconds, and how often each line of its last moments. It has read
 * a line a moment after it was written, and may have been behind with a program that writes much.
 */
type Earlier = { at: number; lines: Map<string, number> };

const behindMs = 10_000;

async function earlierIn(book: Book): Promise<Earlier | undefined> {
  const pieces = await book.pieces();
  const last = (await Promise.all(pieces.slice(-2).map(linesOf))).flat().filter(({ from }) => from === 'out');
  const at = last.at(-1)?.at;
  if (at === undefined) return undefined;
  const lines = new Map<string, number>();
  for (const { text } of last.filter((line) => line.at >= at - 2 * behindMs))
    lines.set(text, (lines.get(text) ?? 0) + 1);
  return { at, lines };
}

/** What a container writes, until it has ended. */
export function readLog(
  kube: Kube,
  { namespace, pod, container, earlier, isOver }: LogAt,
  signal: AbortSignal,
): Readable {
  const after = earlier === undefined ? {} : { since: new Date(earlier.at - behindMs).toISOString() };
  const lines = kube.logs(namespace, pod, { container, follow: true, ...after, isOver, signal });
  /** Of what was written before the end of that, each line that is there stands for one. */
  function isTold({ at, text }: LogLine): boolean {
    const count = earlier?.lines.get(text) ?? 0;
    if (earlier === undefined || count === 0 || at === undefined || Date.parse(at) > earlier.at) return false;
    earlier.lines.set(text, count - 1);
    return true;
  }
  async function* texts(): AsyncGenerator<string> {
    for await (const line of lines) if (!isTold(line)) yield `${line.text}\n`;
  }
  return Readable.from(texts());
}
