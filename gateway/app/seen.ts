import { type Config, readSecret } from '../config/index.ts';
import type { AccessEntry, Clock } from '../lib/index.ts';
import {
  createAccessLog,
  createMetrics,
  createReadiness,
  createTracing,
  isForTerminal,
  type MetricsSources,
  type ProcessLog,
} from '../ops/index.ts';
import type { Policy } from '../policy/index.ts';
import type { DataFolderLock, Store } from '../store/index.ts';
import { version } from './version.ts';

/** What is seen of every request and of the process: access log, metrics, traces, readiness. */
export async function createSeen(
  config: Config,
  parts: { folder: DataFolderLock; store: Store; policy: Policy; clock: Clock; log: ProcessLog } & Pick<
    MetricsSources,
    'liveStreams' | 'sessions'
  >,
) {
  const { folder, store, policy, liveStreams, sessions, clock, log } = parts;
  const traced = tracingSettings(config);
  const tracer = traced && (await createTracing({ ...traced, version, clock, log }));
  const metrics = createMetrics({
    version,
    liveStreams,
    sessions,
    ...(tracer && { droppedSpans: tracer.droppedCount }),
    policy: policy.status,
    log,
  });
  const { requests } = config.log;
  const isLogged = requests === 'all' || (requests === 'auto' && !isForTerminal(config.log));
  const accessLog = isLogged ? createAccessLog({ log }) : undefined;
  const isPolicyLoaded = (): boolean => policy.status().version !== 'fallback';
  return {
    metrics,
    tracer,
    readiness: createReadiness({ ping: () => Promise.all([folder.check(), store.ping()]), isPolicyLoaded, clock, log }),
    onAccess(entry: AccessEntry): void {
      metrics.count(entry);
      accessLog?.(entry);
    },
    close: async () => tracer?.close(),
  };
}

/** What the tracer needs, the collector's secrets among it; undefined when nothing is to be traced. */
function tracingSettings({ tracing, baseFolder }: Config) {
  if (tracing === undefined) return undefined;
  const { endpoint, ratio, serviceName, headers } = tracing;
  const { origin, pathname } = new URL(endpoint);
  return {
    endpoint: pathname === '/' ? `${origin}/v1/traces` : endpoint,
    ratio,
    serviceName,
    headers: Object.fromEntries(headers.map(({ header, value }) => [header, readSecret(value, baseFolder)])),
  };
}
