import { type Clock, every, type Log, Traffic } from '../../lib/index.ts';
import type { Engine, Usage } from '../engine.ts';
import type { UseBook } from './use.ts';
import { keptSamples, openRings, type Sample, sampleSeconds, stepAt } from './ring.ts';

/** Columns of one length, as plots take them; null where the service did not run. Times in milliseconds, `step` in seconds. */
export type Metrics = { step: number; at: number[] } & Record<keyof Sample, (number | null)[]>;

export type ServiceMetrics = {
  /** What counts the requests to a service; the same object each time. */
  trafficOf(id: string): Traffic;
  read(id: string, range: { from?: number | undefined; step?: number | undefined }): Promise<Metrics>;
  /** Of one that is removed nothing is kept. */
  forget(id: string): Promise<void>;
  /** What these use together, by the last sample: processors and bytes of memory. */
  now(ids: readonly string[]): { cpu: number; memory: number };
  /** Takes a sample of each that runs now. */
  sample(): Promise<void>;
  /** Begins to take samples, and forgets those of services that are not `there` any more. */
  start(there: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
};

type Counts = Pick<Traffic, 'requests' | 'errors' | 'received' | 'sent'>;

const mostPoints = 1440;
const usualPoints = 240;
const hourMs = 3_600_000;
/** After so many, what was used is written to the store: what the end of the machine costs is no more than a minute. */
const samplesInMemory = 4;
const dayMs = keptSamples * sampleSeconds * 1000;

/** Samples of what services use, every `sampleSeconds`, kept for a day in files of fixed size. */
export function createServiceMetrics(options: {
  engine: Pick<Engine, 'usages'>;
  folder: string;
  /** Where sums by day are kept. */
  book: Pick<UseBook, 'add' | 'write'>;
  clock: Clock;
  log: Log;
}): ServiceMetrics {
  const { engine, book, clock, log } = options;
  const rings = openRings(options.folder);
  const traffic = new Map<string, Traffic>();
  /** What was counted up to the last sample. */
  const before = new Map<string, { at: number; usage: Usage; counted: Counts; cpu: number }>();
  let samples = 0;
  let loop: ReturnType<typeof every> | undefined;

  function trafficOf(id: string): Traffic {
    let found = traffic.get(id);
    if (found === undefined) traffic.set(id, (found = new Traffic()));
    return found;
  }

  async function sample(): Promise<void> {
    const usages = await engine.usages();
    const at = clock.now();
    for (const id of before.keys()) if (!usages.has(id)) before.delete(id);
    for (const [id, usage] of usages) {
      const { requests, errors, received, sent } = trafficOf(id);
      const last = before.get(id);
      // A program that was started again counts from nothing.
      const from = last === undefined || usage.processorMs < last.usage.processorMs ? 0 : last.usage.processorMs;
      const used = usage.processorMs - from;
      const cpu = last === undefined || at <= last.at ? 0 : used / (at - last.at);
      before.set(id, { at, usage, counted: { requests, errors, received, sent }, cpu });
      if (last === undefined || at <= last.at) continue;
      book.add(id, { processorMs: used, byteMs: usage.memory * (at - last.at) });
      await rings.write(id, stepAt(at), {
        cpu,
        memory: usage.memory,
        requests: requests - last.counted.requests,
        errors: errors - last.counted.errors,
        received: received - last.counted.received,
        sent: sent - last.counted.sent,
      });
    }
    samples += 1;
    if (samples % samplesInMemory === 0) await book.write();
  }

  return {
    trafficOf,
    async read(id, { from, step }) {
      const now = clock.now();
      const begin = Math.min(Math.max(from ?? now - hourMs, now - dayMs), now);
      const width = Math.ceil((step ?? (now - begin) / 1000 / usualPoints) / sampleSeconds);
      const steps = Math.max(1, width, Math.ceil((now - begin) / 1000 / sampleSeconds / mostPoints));
      const first = Math.floor(stepAt(begin) / steps) * steps;
      const found = await rings.read(id, first, stepAt(now));
      const metrics: Metrics = {
        step: steps * sampleSeconds,
        ...{ at: [], cpu: [], memory: [], requests: [], errors: [], received: [], sent: [] },
      };
      for (let at = first; at <= stepAt(now); at += steps) {
        metrics.at.push(at * sampleSeconds * 1000);
        const samples = Array.from({ length: steps }, (_, index) => found.get(at + index)).filter(isSample);
        for (const name of names)
          metrics[name].push(samples.length === 0 ? null : whole[name](samples.map((one) => one[name])));
      }
      return metrics;
    },
    now(ids) {
      const found = ids.flatMap((id) => before.get(id) ?? []);
      return { cpu: sum(found.map(({ cpu }) => cpu)), memory: sum(found.map(({ usage }) => usage.memory)) };
    },
    sample,
    async forget(id) {
      traffic.delete(id);
      before.delete(id);
      await rings.remove(id);
    },
    async start(there) {
      loop = every(sampleSeconds * 1000, sample, { log, complaint: 'what services use could not be noted' });
      for (const id of await rings.ids()) if (!there.has(id)) await rings.remove(id);
    },
    async close() {
      await loop?.stop();
      await book.write().catch((error: unknown) => log.error({ err: error }, 'what services used last is not written'));
    },
  };
}

const isSample = (sample: Sample | undefined): sample is Sample => sample !== undefined;
const sum = (numbers: number[]): number => numbers.reduce((one, other) => one + other, 0);
const average = (numbers: number[]): number => sum(numbers) / numbers.length;
const most = (numbers: number[]): number => Math.max(...numbers);

/** How several samples become one point. */
const whole: Record<keyof Sample, (numbers: number[]) => number> = {
  cpu: average,
  memory: most,
  requests: sum,
  errors: sum,
  received: sum,
  sent: sum,
};
const names = Object.keys(whole) as (keyof Sample)[];
