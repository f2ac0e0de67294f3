import t, { type Test } from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { createMetrics } from '../../gateway/metrics/index.ts';
import { startPrometheus } from '../support/process/prometheus.ts';

const hour = 3600;
const first = Date.parse('2023-11-01T00:00:00Z') / 1000;
const end = first + 54 * hour;
const gib = 2 ** 30;

/** Samples each five minutes, as a pod of this size would leave them. */
function pod(
  name: string,
  of: { namespace: string; cores: number; gib: number; service?: string; from?: number; to?: number },
): string {
  const { namespace, cores, service, from = first + 300, to = end } = of;
  const lines: string[] = [];
  const line = (metric: string, labels: string, value: (at: number) => number): void => {
    for (let at = from; at <= to; at += 300)
      lines.push(`${metric}{namespace="${namespace}",pod="${name}"${labels}} ${value(at)} ${at}`);
  };
  const containers: readonly (readonly [string, number])[] = [
    ['main', 0.75],
    ['side', 0.25],
    ['', 1],
    ['POD', 0],
  ];
  for (const [container, part] of containers) {
    line('container_cpu_usage_seconds_total', `,container="${container}"`, (at) => (at - from) * cores * part);
    line('container_memory_working_set_bytes', `,container="${container}"`, () => of.gib * gib * part);
  }
  if (service !== undefined) line('kube_pod_labels', `,label_knot_service="${service}"`, () => 1);
  return `${lines.join('\n')}\n`;
}

const samples = [
  pod('web', { namespace: 'knot-ada', cores: 0.5, gib: 2, service: 'one' }),
  // Half a day, of the second one; then another pod of the same service.
  pod('job-1', {
    namespace: 'knot-ada',
    cores: 2,
    gib: 1,
    service: 'two',
    from: first + 24 * hour,
    to: first + 36 * hour,
  }),
  pod('notebook', { namespace: 'knot-ada', cores: 0.25, gib: 1 }),
  pod('big', { namespace: 'knot-bob', cores: 64, gib: 512, service: 'one' }),
];
const prometheus = await startPrometheus(`${samples.join('')}# EOF\n`);

if ('skip' in prometheus) t.pass('nothing to ask', { skip: prometheus.skip });
else {
  const clock = createManualClock(end * 1000);
  const metrics = createMetrics({ upstream: prometheus.url, clock, log: silentLog });
  t.teardown(async () => {
    await metrics.close();
    await prometheus.stop();
  });
  /** A rate is of what lies between samples: at the ends of a time some of it is missing. */
  const near = (t: Test, found: number, wanted: number, what: string): void =>
    void t.ok(Math.abs(found - wanted) <= Math.max(wanted * 0.03, 0.02), `${what}: ${found} is near ${wanted}`);

  t.test('what was used, by day and by service, of one namespace', async (t) => {
    const { days, services, total, now, elapsed } = await metrics.usageOf('knot-ada', '2023-11');
    t.strictSame(
      days.map(({ day }) => day),
      ['2023-11-01', '2023-11-02', '2023-11-03'],
    );
    const wanted = [
      [18, 72],
      [18 + 24, 72 + 12],
      [4.5, 18],
    ] as const;
    for (const [index, [cpu, memory]] of wanted.entries()) {
      near(t, days[index]!.cpuHours, cpu, `processors on ${days[index]!.day}`);
      near(t, days[index]!.memoryGibHours, memory, `memory on ${days[index]!.day}`);
    }
    t.strictSame(
      services.map(({ id }) => id),
      ['one', 'two', undefined],
    );
    near(t, services[0]!.cpuHours, 27, 'one');
    near(t, services[1]!.cpuHours, 24, 'two');
    near(t, services[1]!.memoryGibHours, 12, 'two');
    near(t, services[2]!.cpuHours, 13.5, 'what is no service');
    near(t, total.cpuHours, 64.5, 'all');
    near(t, now.cpu, 0.75, 'now');
    near(t, now.memory / gib, 3, 'now');
    near(t, elapsed, 54 / 720, 'of the month');
  });

  t.test('a month with nothing in it, and one to come', async (t) => {
    const before = await metrics.usageOf('knot-ada', '2023-10');
    t.equal(before.days.length, 31);
    t.strictSame([before.total, before.services, before.elapsed], [{ cpuHours: 0, memoryGibHours: 0 }, [], 1]);
    const after = await metrics.usageOf('knot-ada', '2023-12');
    t.strictSame([after.days, after.elapsed], [[], 0]);
    t.strictSame((await metrics.usageOf('knot-eve')).total, { cpuHours: 0, memoryGibHours: 0 });
  });
}
