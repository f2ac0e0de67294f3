import t, { type Test } from 'tap';
import { type AccessEntry, createManualClock, type Log, silentLog } from '../../gateway/lib/index.ts';
import { createMetrics, createTracing, type MetricsSources, type Tracing } from '../../gateway/ops/index.ts';
import { startCollector } from '../support/net/collector.ts';
import { eventually } from '../support/eventually.ts';

const sources: MetricsSources = {
  version: '1',
  liveStreams: () => 0,
  sessions: () => 0,
  policy: () => ({ version: 'abc', isCurrent: true, problems: [] }),
  log: silentLog,
};

const entry: AccessEntry = {
  requestId: 'r-1',
  method: 'GET',
  host: 'echo.localhost',
  path: '/x',
  status: 200,
  user: 'ann',
  route: 'echo',
  verdict: 'allow',
  reason: '',
  address: '192.0.2.7',
  protocol: 'h2',
  bytesIn: 0,
  bytesOut: 5,
  totalMs: 1,
};

type Warning = { fields: object; message: string };

async function open(t: Test, changes: { endpoint: string; ratio?: number; headers?: Record<string, string> }) {
  const warnings: Warning[] = [];
  const clock = createManualClock();
  const log: Log = { ...silentLog, warn: (fields, message) => void warnings.push({ fields, message }) };
  const tracing = await createTracing({
    ratio: 1,
    serviceName: 'gate',
    headers: {},
    version: '1',
    clock,
    log,
    ...changes,
  });
  t.teardown(() => tracing.close());
  return { tracing, warnings, clock };
}

const send = (tracing: Tracing, changes: Partial<AccessEntry> = {}): void =>
  tracing.begin({ receivedTrace: undefined }).end({ ...entry, ...changes });

t.test('spans arrive in batches, with the headers of the configuration, and the rest at the end', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const endpoint = `${collector.endpoint}/here`;
  const { tracing } = await open(t, { endpoint, headers: { authorization: 'Bearer collector-secret' } });
  for (let n = 0; n < 300; n++) send(tracing);
  await eventually('a full batch', () => collector.spans.length >= 256);
  t.match(collector.batches[0], { path: '/here', headers: { authorization: 'Bearer collector-secret' } });
  send(tracing, { method: 'PROPFIND', path: `/${'p'.repeat(5000)}`, route: 'dav', decisionId: 'd-1' });
  await tracing.close();
  t.equal(collector.spans.length, 301);
  t.ok(collector.batches.length < 5, 'not one by one');
  t.equal(tracing.droppedCount(), 0);
  t.equal(new Set(collector.spans.map(({ traceId }) => traceId)).size, 301);
  const last = collector.spans.at(-1)!;
  t.equal(last.name, 'HTTP dav', 'a name is never what a client sent');
  t.match(last.attributes, {
    'http.request.method': '_OTHER',
    'http.request.method_original': 'PROPFIND',
    'knot.decision_id': 'd-1',
  });
  t.equal(String(last.attributes['url.path']).length, 1000);
  t.notMatch(collector.text(), /"ann"|collector-secret/);
});

t.test('the first end counts', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const { tracing } = await open(t, { endpoint: collector.endpoint });
  const trace = tracing.begin({ receivedTrace: undefined });
  trace.end({ ...entry, status: 101 });
  trace.end({ ...entry, status: 200 });
  await tracing.close();
  t.strictSame(
    collector.spans.map(({ attributes }) => attributes['http.response.status_code']),
    [101],
  );
});

t.test('a ratio records that share, and tells upstreams of each', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const { tracing } = await open(t, { endpoint: collector.endpoint, ratio: 0.25 });
  let told = 0;
  for (let n = 0; n < 2000; n++) {
    const trace = tracing.begin({ receivedTrace: undefined });
    if (trace.headers[1]!.endsWith('-01')) told += 1;
    trace.end(entry);
  }
  await tracing.close();
  // Ten standard deviations around 500.
  t.ok(told > 300 && told < 700, `${told} of 2000`);
  t.equal(collector.spans.length, told);
});

t.test(
  'a collector that is down costs nothing but its spans: they are bounded, counted and told once a minute',
  async (t) => {
    const collector = await startCollector();
    await collector.close();
    const { tracing, warnings, clock } = await open(t, { endpoint: collector.endpoint });
    for (let n = 0; n < 10_000; n++) send(tracing);
    t.equal(tracing.droppedCount(), 10_000 - 2048, 'what does not fit is dropped at once');
    t.equal(warnings.length, 1);
    t.match(warnings[0], {
      fields: { reason: 'the queue is full' },
      message: 'spans do not get to the collector and are dropped',
    });
    clock.advance(59_999);
    send(tracing);
    t.equal(warnings.length, 1);
    clock.advance(1);
    send(tracing);
    t.equal(warnings.length, 2);
    t.match(warnings[1]!.fields, { dropped: 10_002 - 2048 });

    const metrics = createMetrics({ ...sources, droppedSpans: tracing.droppedCount });
    t.match(await metrics.text(), new RegExp(`\nknot_trace_spans_dropped_total ${tracing.droppedCount()}\n`));
    t.notMatch(await createMetrics(sources).text(), 'knot_trace');

    const closedAt = performance.now();
    await tracing.close();
    const closeMs = performance.now() - closedAt;
    t.ok(closeMs < 3_000, `closing took ${closeMs} ms`);
  },
);

t.test('a collector that never answers is given up, and one that comes back gets what is new', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const { tracing, warnings } = await open(t, { endpoint: collector.endpoint });
  collector.answerWith(() => undefined);
  send(tracing);
  await eventually('the span is given up', () => tracing.droppedCount() === 1);
  t.match(warnings, [{ fields: { dropped: 1 } }]);
  collector.reset();
  send(tracing, { path: '/new' });
  await eventually('the new span', () => collector.spans.length === 1);
  t.equal(collector.spans[0]!.attributes['url.path'], '/new');
});

t.test('a collector that refuses is told of by its status alone', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const { tracing, warnings } = await open(t, {
    endpoint: collector.endpoint,
    headers: { authorization: 'Bearer wrong' },
  });
  collector.answerWith((response) => {
    response.writeHead(401, 'No\tentry').end(`you sent "Bearer wrong" ${'x'.repeat(10_000)}`);
  });
  send(tracing);
  await eventually('the span is given up', () => tracing.droppedCount() === 1);
  const told = JSON.stringify(warnings);
  t.match(told, /No.*entry/);
  t.notMatch(told, /Bearer|xxx/);
});

t.test('whatever a trusted proxy sends, a trace begins', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const { tracing } = await open(t, { endpoint: collector.endpoint });
  for (const text of [undefined, '', '-', '\0', 'ÿ'.repeat(1000), `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`]) {
    for (const state of [undefined, '', ',=,=', 'ÿ=1', '='.repeat(30_000)]) {
      const trace = tracing.begin({ receivedTrace: { traceParent: text, traceState: state, baggage: undefined } });
      t.match(trace.headers[1], /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      t.equal(trace.headers.length, 2);
    }
  }
});
