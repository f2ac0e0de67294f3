import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { type AccessEntry, type Log, within } from '../lib/index.ts';
import { createRequestMetrics } from './request-metrics.ts';

/** Asked at each scrape. */
export type MetricsSources = {
  version: string;
  /** Open streams. */
  liveStreams: () => number;
  /** Signed-in sessions. */
  sessions: () => number | Promise<number>;
  /** Spans that did not get to the collector; only when tracing is on. */
  droppedSpans?: () => number;
  log: Log;
  policy: () => { version: string; isCurrent: boolean; problems: readonly { severity: 'error' | 'warning' }[] };
};

export type Metrics = {
  /** Counts one finished request; called on the hot path. */
  count(entry: AccessEntry): void;
  contentType: string;
  text(): Promise<string>;
};

const patienceMs = 2000;

/** Lets so many different values of a label through and calls all further ones `other`: memory must not follow input. */
function bounded(most: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= most || !/^[\w.-]{1,64}$/.test(value)) return 'other';
    seen.add(value);
    return value;
  };
}

/** Prometheus metrics. Labels are route names, classes and reason codes, never a path, an address or a person. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const requests = createRequestMetrics();
  const refusals = new Counter({
    name: 'knot_refused_requests_total',
    help: 'Requests the gateway refused itself.',
    labelNames: ['reason'] as const,
    registers,
  });
  new Gauge({ name: 'knot_info', help: 'Version of the gateway.', labelNames: ['version'] as const, registers }).set(
    { version: sources.version },
    1,
  );
  gauges(registers, sources);

  const routeLabel = bounded(1000);
  const reasonLabel = bounded(100);

  return {
    count(entry) {
      const { route, reason } = entry;
      requests.count(route === '' ? 'none' : routeLabel(route), entry);
      if (reason !== '') refusals.inc({ reason: reasonLabel(reason) });
    },
    contentType: registry.contentType,
    text: async () => `${await registry.metrics()}\n${requests.text()}`,
  };
}

function gauges(registers: Registry[], { liveStreams, sessions, droppedSpans, policy, log }: MetricsSources): void {
  new Gauge({
    name: 'knot_live_streams',
    help: 'Open WebSockets, event streams, uploads and downloads.',
    registers,
    collect() {
      this.set(liveStreams());
    },
  });
  new Gauge({
    name: 'knot_sessions',
    help: 'People signed in now.',
    registers,
    // A store that hangs must not take every other figure with it: the gauge is left out of this scrape.
    async collect() {
      this.remove();
      try {
        this.set(await within(patienceMs, Promise.resolve(sessions()), 'the store'));
      } catch (error) {
        log.debug({ err: error }, 'sessions were not counted for the metrics');
      }
    },
  });
  if (droppedSpans) {
    new Counter({
      name: 'knot_trace_spans_dropped_total',
      help: 'Spans that did not get to the collector.',
      registers,
      collect() {
        this.reset();
        this.inc(droppedSpans());
      },
    });
  }
  new Gauge({
    name: 'knot_policy_info',
    help: 'The policy set in force; 1 when it is the one on disk, else 0.',
    labelNames: ['version'] as const,
    registers,
    collect() {
      const { version, isCurrent } = policy();
      this.reset();
      this.set({ version }, isCurrent ? 1 : 0);
    },
  });
  new Gauge({
    name: 'knot_policy_problems',
    help: 'Problems in the policy files on disk.',
    labelNames: ['severity'] as const,
    registers,
    collect() {
      const { problems } = policy();
      for (const severity of ['error', 'warning'] as const) {
        this.set({ severity }, problems.filter((problem) => problem.severity === severity).length);
      }
    },
  });
}
