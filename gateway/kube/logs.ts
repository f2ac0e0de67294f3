import type { Dispatcher } from 'undici';
import { faultOf, isKubeFault, statusIn, unreachable } from './faults.ts';
import { kinds, pathOf } from './kinds.ts';
import { linesOf } from './lines.ts';
import { type Pace, pause, pauseAfter } from './pace.ts';
import type { KubeRequest } from './request.ts';

export type LogOptions = {
  container?: string | undefined;
  /** Goes on with what is written from now on, until the container has ended. */
  follow?: boolean;
  /** Of the container before its last restart. */
  previous?: boolean;
  /** The last so many lines, to begin with. */
  tailLines?: number | undefined;
  /** What was written after that (RFC 3339), to begin with. */
  since?: string | undefined;
  /** No more than so many bytes, of what is not followed. */
  limitBytes?: number | undefined;
  /**
   * Asked where one that is followed has ended without a fault: whether there is nothing to come. Without it that is asked of the API
   * server, which goes on with the same container after a restart.
   */
  isOver?: (() => Promise<boolean>) | undefined;
  signal?: AbortSignal | undefined;
};

/** One line of what a container writes. `at`: when, in RFC 3339 with nanoseconds; absent of what the node says in its place. */
export type LogLine = { at?: string; text: string };

const mostLineBytes = 64 * 1024;

/**
 * Lines of a container's log, oldest first. One that is followed goes on where it was when the connection breaks: no line is told twice
 * or left out. It ends when the container has ended and all is told, or with `signal`.
 * @throws KnotError KNOT_KUBE_NOT_FOUND, KNOT_KUBE_INVALID (the container has not begun, or there are several), KNOT_KUBE_FORBIDDEN …
 */
export async function* readLogs(
  { namespace, pod }: { namespace: string; pod: string },
  { container, follow = false, previous, tailLines, since, limitBytes, isOver, signal }: LogOptions,
  { send, pace }: { send: (asked: KubeRequest) => Promise<Dispatcher.ResponseData>; pace: Pace },
): AsyncGenerator<LogLine> {
  const path = `${pathOf(kinds.pod, namespace, pod)}/log`;
  const told = createPlace();
  let failures = 0;
  for (;;) {
    const began = performance.now();
    let count = 0;
    const resumeFrom = told.resume();
    const from = resumeFrom === undefined ? { tailLines, sinceTime: since, limitBytes } : { sinceTime: resumeFrom };
    try {
      const query = { container, follow, previous, timestamps: true, ...from };
      const answer = await send({ method: 'GET', path, query, isStream: true, signal, headers: { accept: '*/*' } });
      if (answer.statusCode !== 200)
        throw faultOf(answer.statusCode, statusIn((await answer.body.text()).slice(0, 4096)), `log of ${pod}`);
      for await (const line of linesOf(answer.body, { mostBytes: mostLineBytes, rest: 'tell', tooLong: 'cut' })) {
        const read = stamped(line);
        if (!told.isNew(read)) continue;
        count += 1;
        failures = 0;
        yield read.at === undefined ? { text: read.text } : { at: read.at, text: read.text };
      }
    } catch (error) {
      if (signal?.aborted) return;
      const fault = unreachable(error, `log of ${pod}`);
      const isGone = isKubeFault(fault, 'KNOT_KUBE_NOT_FOUND') || isKubeFault(fault, 'KNOT_KUBE_INVALID');
      if (isGone && resumeFrom !== undefined) return;
      failures += 1;
      if (!follow || isFinal(fault.code) || failures > 8) throw fault;
      await pause(pauseAfter(failures, pace), signal);
      continue;
    }
    // Whether the container ended or the connection, shows when it is asked for what comes after.
    const hasEnded = async (): Promise<boolean> =>
      isOver ? isOver() : count === 0 && performance.now() - began < pace.goodMs;
    if (!follow || signal?.aborted || (await hasEnded())) return;
  }
}

const isFinal = (code: string): boolean => code !== 'KNOT_KUBE_UNREACHABLE' && code !== 'KNOT_KUBE_FAILED';

type Stamped = { at?: string; seconds: number; nanoseconds: number; text: string };

function stamped(line: string): Stamped {
  const [, at, time, fraction = '', zone, text] =
    /^((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)) ?([^]*)$/.exec(line) ?? [];
  if (at === undefined) return { seconds: 0, nanoseconds: 0, text: line };
  const seconds = Date.parse(`${time}${zone}`) / 1000;
  return { at, seconds, nanoseconds: Number(fraction.padEnd(9, '0')), text: text! };
}

/** How far a log was told: the API server goes on from a whole second, some of which was told already. */
function createPlace() {
  let last: { seconds: number; nanoseconds: number; count: number } | undefined;
  let behind: typeof last;
  let same = 0;
  return {
    /** The second to go on from, of what is asked for next. */
    resume(): string | undefined {
      behind = last && { ...last };
      same = 0;
      return last && new Date(last.seconds * 1000).toISOString().replace('.000', '');
    },
    /** Whether a line was not told before; it is now. */
    isNew({ at, seconds, nanoseconds }: Stamped): boolean {
      if (at === undefined) return behind === undefined;
      if (behind !== undefined) {
        const order = seconds - behind.seconds || nanoseconds - behind.nanoseconds;
        if (order < 0 || (order === 0 && ++same <= behind.count)) return false;
      }
      if (last?.seconds === seconds && last.nanoseconds === nanoseconds) last.count += 1;
      else last = { seconds, nanoseconds, count: 1 };
      return true;
    },
  };
}
