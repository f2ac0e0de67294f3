import { type Clock, type ComponentHealth, every, KnotError, type Log, type Timers } from '../lib/index.ts';
import type { Prometheus } from './upstream.ts';

/** What is known of Prometheus, for the page Health. */
export type PrometheusState = {
  health(): ComponentHealth[];
  /** Asks it from now on. */
  start(): void;
  close(): Promise<void>;
};

const name = 'prometheus';
const lookMs = 30_000;
/** Most scrape every minute or more often; a query sees nothing that is older than five. */
const behindSeconds = 180;
const clockSeconds = 30;
/** The newest of the sample that each scrape leaves, and what Prometheus takes for now. */
const newest = 'max(timestamp(up))';
const itsTime = 'time()';

/**
 * Asks Prometheus every half minute whether it answers, lets Knot in, goes by the same clock and has fresh samples. Nobody's question waits
 * for that.
 */
export function watchPrometheus(options: {
  ask: Prometheus['ask'];
  clock: Clock;
  log: Log;
  timers?: Timers;
}): PrometheusState {
  const { ask, clock, log, timers } = options;
  let found: ComponentHealth = { name, status: 'working', message: 'Prometheus was not asked yet.' };
  let loop: { stop(): Promise<void> } | undefined;
  let first: Promise<void> | undefined;
  const away = new AbortController();

  /** Of a scalar, or of the one sample of a vector; undefined where there is none. */
  async function value(query: string): Promise<number | undefined> {
    const { body } = await ask('query', new URLSearchParams({ query }), undefined, away.signal);
    const { data } = JSON.parse(body) as { data?: { resultType?: string; result?: unknown } };
    const sample = data?.resultType === 'scalar' ? data.result : (data?.result as { value?: unknown }[])?.[0]?.value;
    const number = Number((sample as [number, string] | undefined)?.[1] ?? NaN);
    return Number.isFinite(number) ? number : undefined;
  }

  async function judge(): Promise<ComponentHealth> {
    const before = clock.now() / 1000;
    const its = await value(itsTime);
    const after = clock.now() / 1000;
    if (its !== undefined && (its < before - clockSeconds || its > after + clockSeconds)) {
      const seconds = Math.round(its < before ? before - its : its - after);
      return {
        ...{ name, status: 'warning' },
        message: `Its clock is ${seconds} s ${its < before ? 'behind' : 'ahead of'} that of this machine: what people used is told for other hours than theirs.`,
        remedy: 'Let both machines take their time from the same source (NTP).',
      };
    }
    const last = await value(newest);
    if (last === undefined || its === undefined || its - last > behindSeconds) {
      const since = last === undefined || its === undefined ? 'five minutes or longer' : `${Math.round(its - last)} s`;
      return {
        ...{ name, status: 'warning' },
        message: `It answers, but has read nothing for ${since}: what is shown is old, or missing.`,
        remedy: 'Look at its page Status > Targets for what it cannot reach, and at its disk.',
      };
    }
    return { name, status: 'ok', message: 'Prometheus answers, and what it has is fresh.' };
  }

  async function look(): Promise<void> {
    try {
      found = await judge();
    } catch (error) {
      if (away.signal.aborted) return;
      if (!(error instanceof KnotError)) throw error;
      const { message, remedy } = error;
      found = { name, status: 'failed', message, ...(remedy !== undefined && { remedy }) };
    }
  }

  return {
    health: () => [found],
    start() {
      const complaint = 'Prometheus could not be looked at';
      first = look().catch((error: unknown) => log.error({ err: error }, complaint));
      loop = every(lookMs, look, { log, complaint, jitter: 0.1, ...(timers && { timers }) });
    },
    async close() {
      away.abort();
      await Promise.all([first, loop?.stop()]);
    },
  };
}
