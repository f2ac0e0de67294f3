import type { Clock, Timers } from '../lib/index.ts';
import { checkLabel, enforceParameters, type Question } from './parameters.ts';
import { type PrometheusState, watchPrometheus } from './state.ts';
import { type Answer, openPrometheus, type PrometheusOptions } from './upstream.ts';
import { createUsage, type UsageOf } from './usage.ts';

export type Metrics = {
  /**
   * What Prometheus answers to a question about no more than somebody may read: JSON, as its API has it.
   * @throws KNOT_METRICS_QUERY, KNOT_METRICS_NAMESPACE, KNOT_METRICS_NOTHING, KNOT_METRICS_PARAMETER, KNOT_METRICS_AWAY,
   * KNOT_METRICS_SLOW, KNOT_METRICS_LARGE
   */
  ask(question: Question): Promise<Answer>;
  /**
   * What a namespace used in a month (`YYYY-MM`, the present one without), from the same path.
   * @throws KNOT_METRICS_USAGE, KNOT_METRICS_AWAY, KNOT_METRICS_SLOW, KNOT_METRICS_LARGE
   */
  usageOf: UsageOf;
  /** Whether Prometheus answers, lets Knot in, goes by the same clock and has fresh samples; from `start` on. */
  health: PrometheusState['health'];
  start(): void;
  close(): Promise<void>;
};

/** The way of people's questions to Prometheus. What goes on is what was judged. */
export function createMetrics({
  clock,
  timers,
  ...options
}: PrometheusOptions & { clock: Clock; timers?: Timers }): Metrics {
  const prometheus = openPrometheus(options);
  const ask: Metrics['ask'] = async ({ endpoint, label, parameters, readable, signal }) => {
    const name = endpoint === 'values' ? checkLabel(label ?? '') : undefined;
    return prometheus.ask(endpoint, enforceParameters(endpoint, parameters, readable), name, signal);
  };
  const state = watchPrometheus({ ask: prometheus.ask, clock, log: options.log, ...(timers && { timers }) });
  return {
    ask,
    usageOf: createUsage({ ask, clock }),
    health: state.health,
    start: state.start,
    async close() {
      await state.close();
      await prometheus.close();
    },
  };
}
