import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AccessEntry } from '../lib/index.ts';

/** Asked at each scrape. */
export type MetricsSources = {
  version: string;
  /** Open streams. */
  liveStreams?: () => number;
  /** Signed-in sessions. */
  sessions?: () => number | Promise<number>;
  /** Spans that did not get to the collector; only when tracing is on. */
  droppedSpans?: () => number;
  policy?: () => { version: string; isCurrent: boolean; problems: readonly { severity: 'error' | 'warning' }[] };
};

export type Metrics = {
  /** Counts one finished request; called on the hot path. */
  count(entry: AccessEntry): void;
  contentType: string;
  text(): Promise<string>;
};

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

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

  const requests = new Counter({
    name: 'knot_requests_total',
    help: 'Finished requests.',
    labelNames: ['route', 'status_class', 'verdict'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'knot_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    labelNames: ['route'] as const,
    buckets: durationBuckets,
    registers,
  });
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
  const byKey = new Map<string, { inc(): void }>();
  const byRoute = new Map<string, { observe(seconds: number): void }>();

  function counterOf(route: string, statusClass: string, verdict: string): { inc(): void } {
    const key = `${route} ${statusClass} ${verdict}`;
    let child = byKey.get(key);
    if (child === undefined) byKey.set(key, (child = requests.labels(route, statusClass, verdict)));
    return child;
  }

  return {
    count({ route, status, verdict, reason, totalMs, protocol }) {
      const routeName = route === '' ? 'none' : routeLabel(route);
      const statusClass = status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'none';
      counterOf(routeName, statusClass, verdict === 'allow' || verdict === 'deny' ? verdict : 'none').inc();
      if (reason !== '') refusals.inc({ reason: reasonLabel(reason) });
      // The time of a WebSocket is that of a person's visit, not of an answer.
      if (protocol === 'ws') return;
      let child = byRoute.get(routeName);
      if (child === undefined) byRoute.set(routeName, (child = durations.labels(routeName)));
      child.observe(totalMs / 1000);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function gauges(registers: Registry[], { liveStreams, sessions, droppedSpans, policy }: MetricsSources): void {
  if (liveStreams) {
    new Gauge({
      name: 'knot_live_streams',
      help: 'Open WebSockets, event streams, uploads and downloads.',
      registers,
      collect() {
        this.set(liveStreams());
      },
    });
  }
  if (sessions) {
    new Gauge({
      name: 'knot_sessions',
      help: 'People signed in now.',
      registers,
      async collect() {
        this.set(await sessions());
      },
    });
  }
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
  if (!policy) return;
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
