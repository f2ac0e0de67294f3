import type { Clock } from '../lib/index.ts';
import { knotError } from '../lib/index.ts';
import type { Readable } from './promql/enforce.ts';
import type { Question } from './parameters.ts';
import type { Answer } from './upstream.ts';

/** Processors times the hours they were busy; memory in GiB times the hours it was held. */
export type Amounts = { cpuHours: number; memoryGibHours: number };

export type MonthOfUse = {
  now: { cpu: number; memory: number };
  days: ({ day: string } & Amounts)[];
  /** By id; what belongs to no service has none. */
  services: ({ id?: string } & Amounts)[];
  total: Amounts;
  /** How much of the month is over, from 0 to 1. */
  elapsed: number;
};

export type UsageOf = (namespace: string, month?: string) => Promise<MonthOfUse>;

const dayMs = 86_400_000;
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

  return async (namespace, month = new Date(clock.now()).toISOString().slice(0, 7)) => {
    const now = clock.now();
    const first = Date.parse(`${month}-01T00:00:00Z`);
    const next = Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1);
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
      elapsed: Math.min(Math.max((end - first) / (next - first), 0), 1),
      ...sumUp([...days, ...today], first, Math.max(0, Math.min(whole + (rest > 1 ? 1 : 0), 31))),
    };
  };
}

function sumUp(
  found: readonly Series[],
  first: number,
  count: number,
): Pick<MonthOfUse, 'days' | 'services' | 'total'> {
  const dayOf = (index: number): string => new Date(first + index * dayMs).toISOString().slice(0, 10);
  const days = Array.from({ length: count }, (_, index) => ({ day: dayOf(index), ...nothing() }));
  const services = new Map<string, Amounts>();
  const total = nothing();
  for (const { metric, value, values = value ? [value] : [] } of found) {
    const key = metric['of'] === 'cpu' ? 'cpuHours' : 'memoryGibHours';
    const id = metric[label];
    for (const [at, text] of values) {
      const amount = Number.isFinite(Number(text)) ? Number(text) : 0;
      if (id !== undefined) {
        const service = services.get(id) ?? nothing();
        service[key] += amount;
        services.set(id, service);
        continue;
      }
      total[key] += amount;
      // A sum is of the time up to its moment: at midnight, of the day before.
      const day = days[Math.ceil((at * 1000 - first) / dayMs) - 1];
      if (day) day[key] += amount;
    }
  }
  const listed = [...services].map(([id, amounts]): { id?: string } & Amounts => ({ id, ...amounts }));
  const other = {
    cpuHours: Math.max(0, total.cpuHours - sum(listed, 'cpuHours')),
    memoryGibHours: Math.max(0, total.memoryGibHours - sum(listed, 'memoryGibHours')),
  };
  // What rounding leaves is nobody's.
  if (other.cpuHours > total.cpuHours / 1000 || other.memoryGibHours > total.memoryGibHours / 1000) listed.push(other);
  listed.sort((a, b) => b.cpuHours - a.cpuHours || b.memoryGibHours - a.memoryGibHours);
  return { days, services: listed, total };
}

const nothing = (): Amounts => ({ cpuHours: 0, memoryGibHours: 0 });
const sum = (all: readonly Amounts[], key: keyof Amounts): number => all.reduce((whole, one) => whole + one[key], 0);
