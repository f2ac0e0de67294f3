import {
  addAmounts,
  type Amounts,
  boundsOf,
  type Clock,
  dayMs,
  dayOf,
  elapsedOf,
  knotError,
  type MonthOfAmounts,
  monthOf,
  mostFirst,
  noAmounts,
  sumUnder,
} from '../lib/index.ts';
import type { Readable } from './promql/enforce.ts';
import type { Question } from './parameters.ts';
import type { Answer } from './upstream.ts';

/** What belongs to no service has no id. */
export type MonthOfUse = MonthOfAmounts<{ id?: string }> & { now: { cpu: number; memory: number } };

export type UsageOf = (namespace: string, month?: string) => Promise<MonthOfUse>;

const label = 'label_knot_service';
/** cAdvisor counts containers, and once more what holds them together. */
const containers = '{container!="",container!="POD"}';
const memory = `sum by (pod) (container_memory_working_set_bytes${containers})`;
const labels = `kube_pod_labels{${label}!=""}`;
const bySteps = 300;

/** What a namespace used in a time, as four sums in one answer: of all and by service, of processors and memory. */
function amountsIn(seconds: number): string {
  const window = `${seconds}s`;
  const cpu = `sum by (pod) (increase(container_cpu_usage_seconds_total${containers}[${window}]))`;
  const services = (what: string, of: string): string =>
    `sum by (${label}) (${what} * on (pod) group_left (${label}) max by (pod, ${label}) (${of}))`;
  // Prometheus 2 takes both ends of a time, Prometheus 3 the later one: a second less is the same to both.
  const held = (what: string): string =>
    `sum_over_time((${what})[${seconds - 1}s:${bySteps}s]) * ${bySteps} / 3600 / 2^30`;
  return [
    ['cpu', `sum(${cpu}) / 3600`],
    ['cpu', `${services(cpu, `max_over_time(${labels}[${window}])`)} / 3600`],
    ['memory', held(`sum(${memory})`)],
    ['memory', held(services(memory, labels))],
  ]
    .map(([of, query]) => `label_replace(${query}, "of", "${of}", "", "")`)
    .join(' or ');
}

const present =
  `label_replace(sum(rate(container_cpu_usage_seconds_total${containers}[5m])), "of", "cpu", "", "") or ` +
  `label_replace(sum(${memory}), "of", "memory", "", "")`;

type Series = { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] };

/**
 * What was used in a month, by day (of UTC) and by service. From cAdvisor (`container_cpu_usage_seconds_total`,
 * `container_memory_working_set_bytes`); by service where kube-state-metrics tells the label `knot/service` of pods.
 */
export function createUsage(options: { ask(question: Question): Promise<Answer>; clock: Clock }): UsageOf {
  const { ask, clock } = options;

  async function series(query: string, namespace: string, time: Record<string, string>): Promise<Series[]> {
    const readable: Readable = { label: 'namespace', names: [namespace] };
    const parameters = Object.entries({ query, ...time });
    const endpoint = time['step'] === undefined ? 'query' : 'query_range';
    const { status, body } = await ask({ endpoint, parameters, readable });
    const { data } = JSON.parse(body) as { data?: { result?: Series[] } };
    if (status === 200 && data?.result) return data.result;
    throw knotError('KNOT_METRICS_USAGE', 502, 'Prometheus does not know what was used.', {
      remedy:
        'An administrator sees that it has the metrics of cAdvisor, and those of kube-state-metrics once for each pod.',
      internal: { status, body: body.slice(0, 300) },
    });
  }

  return async (namespace, month = monthOf(clock.now())) => {
    const now = clock.now();
    const { first, next } = boundsOf(month);
    const end = Math.min(next, now);
    const whole = Math.floor((end - first) / dayMs);
    const rest = Math.floor((end - first - whole * dayMs) / 1000);
    const seconds = (at: number): string => String(at / 1000);
    const [days, today, moment] = await Promise.all([
      whole <= 0
        ? []
        : series(amountsIn(86_400), namespace, {
            start: seconds(first + dayMs),
            end: seconds(first + whole * dayMs),
            step: '86400',
          }),
      rest <= 1 ? [] : series(amountsIn(rest), namespace, { time: seconds(end) }),
      series(present, namespace, { time: seconds(now) }),
    ]);
    const value = (of: string): number => Number(moment.find(({ metric }) => metric['of'] === of)?.value?.[1] ?? 0);
    return {
      now: { cpu: value('cpu'), memory: value('memory') },
      elapsed: elapsedOf(month, now),
      ...sumUp([...days, ...today], first, Math.max(0, Math.min(whole + (rest > 1 ? 1 : 0), 31))),
    };
  };
}

function sumUp(
  found: readonly Series[],
  first: number,
  count: number,
): Pick<MonthOfUse, 'days' | 'services' | 'total'> {
  const days = Array.from({ length: count }, (_, index) => ({ day: dayOf(first + index * dayMs), ...noAmounts() }));
  const services = new Map<string, Amounts>();
  const total = noAmounts();
  for (const { metric, value, values = value ? [value] : [] } of found) {
    const key = metric['of'] === 'cpu' ? 'cpuHours' : 'memoryGibHours';
    const id = metric[label];
    for (const [at, text] of values) {
      const used = { ...noAmounts(), [key]: Number.isFinite(Number(text)) ? Number(text) : 0 };
      // A sum is of the time up to its moment: at midnight, of the day before.
      const day = days[Math.ceil((at * 1000 - first) / dayMs) - 1];
      addAmounts(used, id === undefined ? [total, day] : [sumUnder(services, id)]);
    }
  }
  const listed = [...services].map(([id, amounts]): { id?: string } & Amounts => ({ id, ...amounts }));
  const other = {
    cpuHours: Math.max(0, total.cpuHours - sum(listed, 'cpuHours')),
    memoryGibHours: Math.max(0, total.memoryGibHours - sum(listed, 'memoryGibHours')),
  };
  // What rounding leaves is nobody's.
  if (other.cpuHours > total.cpuHours / 1000 || other.memoryGibHours > total.memoryGibHours / 1000) listed.push(other);
  return { days, services: listed.sort(mostFirst), total };
}

const sum = (all: readonly Amounts[], key: keyof Amounts): number => all.reduce((whole, one) => whole + one[key], 0);
