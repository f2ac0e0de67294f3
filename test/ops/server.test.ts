import Fastify from 'fastify';
import t from 'tap';
import { request } from 'undici';
import { type AccessEntry, createManualClock, silentLog } from '../../gateway/lib/index.ts';
import {
  createMetrics,
  createOpsServer,
  createReadiness,
  probeRoutes,
  type MetricsSources,
  nodeHealth,
} from '../../gateway/ops/index.ts';
import { guardRequestLines } from '../../gateway/proxy/index.ts';

const entry: AccessEntry = {
  requestId: 'r',
  method: 'GET',
  host: 'h',
  path: '/',
  status: 200,
  user: 'ann',
  route: 'echo',
  verdict: 'allow',
  reason: '',
  address: '::1',
  protocol: 'h2',
  bytesIn: 0,
  bytesOut: 0,
  totalMs: 20,
};

const sources: MetricsSources = {
  version: '1',
  liveStreams: () => 0,
  sessions: () => 0,
  policy: () => ({ version: 'abc', isCurrent: true, problems: [] }),
  log: silentLog,
};

t.test('metrics count by route, class and verdict, and never name a person, path or address', async (t) => {
  const metrics = createMetrics({
    ...sources,
    version: '1.2.3',
    liveStreams: () => 4,
    sessions: async () => 7,
    policy: () => ({ version: 'abc', isCurrent: false, problems: [{ severity: 'error' }, { severity: 'warning' }] }),
  });
  metrics.count(entry);
  metrics.count(entry);
  metrics.count({ ...entry, status: 403, verdict: 'deny', reason: 'no_permit', user: 'bob', path: '/secret-path' });
  metrics.count({ ...entry, status: 404, route: '', verdict: '', reason: 'unknown_host', host: 'evil.example' });
  const text = await metrics.text();
  for (const line of [
    'knot_requests_total{route="echo",status_class="2xx",verdict="allow"} 2',
    'knot_requests_total{route="echo",status_class="4xx",verdict="deny"} 1',
    'knot_requests_total{route="none",status_class="4xx",verdict="none"} 1',
    'knot_refused_requests_total{reason="no_permit"} 1',
    'knot_request_duration_seconds_bucket{le="0.025",route="echo"} 3',
    'knot_request_duration_seconds_count{route="echo"} 3',
    'knot_live_streams 4',
    'knot_sessions 7',
    'knot_policy_info{version="abc"} 0',
    'knot_policy_problems{severity="error"} 1',
    'knot_policy_problems{severity="warning"} 1',
    'knot_info{version="1.2.3"} 1',
  ]) {
    t.ok(text.includes(`${line}\n`), line);
  }
  t.match(text, /process_cpu_seconds_total|nodejs_eventloop_lag_seconds/);
  t.notMatch(text, /ann|bob|secret-path|evil|::1/);
});

t.test('the number of label values is bounded, and odd values share one', async (t) => {
  const metrics = createMetrics(sources);
  for (let n = 0; n < 3000; n++) metrics.count({ ...entry, route: `r${n}`, reason: `why${n}` });
  metrics.count({ ...entry, route: 'a"} 1\nfake{x="' });
  const lines = (await metrics.text()).split('\n');
  t.equal(lines.filter((line) => line.startsWith('knot_requests_total{')).length, 1001);
  t.equal(lines.filter((line) => line.startsWith('knot_refused_requests_total{')).length, 101);
  t.notOk(lines.some((line) => line.startsWith('fake')));
});

t.test('the operations listener answers probes and nothing else', async (t) => {
  let isReady = true;
  const ops = await createOpsServer({
    listen: { host: '127.0.0.1', port: 0 },
    metrics: createMetrics(sources),
    isReady: async () => isReady,
    health: () => [{ name: 'store', status: 'failed', message: 'It is gone.' }],
    guard: guardRequestLines,
    log: silentLog,
  });
  t.teardown(() => ops.close());
  const origin = `http://127.0.0.1:${ops.port}`;
  const get = async (path: string, method: 'GET' | 'HEAD' | 'POST' = 'GET') => {
    const answer = await request(origin + path, { method });
    return { status: answer.statusCode, type: answer.headers['content-type'], body: await answer.body.text() };
  };
  t.match(await get('/metrics'), { status: 200, type: /text\/plain/, body: /knot_info/ });
  t.match(await get('/healthz?x=1'), { status: 200, body: /It is gone/ });
  t.match(await get('/readyz'), { status: 200, body: /"ready"/ });
  isReady = false;
  t.match(await get('/readyz'), { status: 503, body: /not ready/ });
  t.match(await get('/'), { status: 404 });
  t.match(await get('/metrics', 'POST'), { status: 405 });
  t.match(await get('/metrics', 'HEAD'), { status: 200, body: '' });

  const other = createOpsServer({
    listen: { host: '127.0.0.1', port: ops.port },
    metrics: createMetrics(sources),
    isReady: async () => true,
    health: () => [],
    guard: guardRequestLines,
    log: silentLog,
  });
  await t.rejects(other, { code: 'KNOT_OPS_LISTEN_FAILED', message: /in use/, remedy: /--ops/ });
});

t.test('a part that throws does not end the listener', async (t) => {
  const ops = await createOpsServer({
    listen: { host: '127.0.0.1', port: 0 },
    metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('secret detail')) },
    isReady: async () => true,
    health: () => [],
    guard: guardRequestLines,
    log: silentLog,
  });
  t.teardown(() => ops.close());
  const failed = await request(`http://127.0.0.1:${ops.port}/metrics`);
  t.equal(failed.statusCode, 500);
  t.equal(await failed.body.text(), '');
  t.equal((await request(`http://127.0.0.1:${ops.port}/healthz`)).statusCode, 200);
});

t.test('ready means: the store answers, policies are loaded, not draining', async (t) => {
  const clock = createManualClock();
  let asked = 0;
  let isStoreAlive = true;
  let isPolicyLoaded = false;
  const readiness = createReadiness({
    ping: async () => {
      asked++;
      if (!isStoreAlive) throw new Error('gone');
    },
    isPolicyLoaded: () => isPolicyLoaded,
    clock,
    log: silentLog,
  });
  t.equal(await readiness.isReady(), false, 'no policies yet');
  isPolicyLoaded = true;
  t.equal(await readiness.isReady(), true);
  isStoreAlive = false;
  await Promise.all(Array.from({ length: 50 }, () => readiness.isReady()));
  t.equal(asked, 1, 'the store is asked once a second however often the question comes');
  clock.advance(1000);
  t.equal(await readiness.isReady(), false, 'the store is gone');
  isStoreAlive = true;
  clock.advance(1000);
  t.equal(await readiness.isReady(), true);
  readiness.drain();
  t.equal(await readiness.isReady(), false, 'draining');
});

t.test('the main host tells strangers only yes or no', async (t) => {
  let isReady = true;
  const app = Fastify();
  await app.register(probeRoutes, { isReady: async () => isReady });
  t.teardown(() => app.close());
  t.same((await app.inject('/healthz')).json(), { status: 'ok' });
  t.same((await app.inject('/readyz')).json(), { status: 'ready' });
  isReady = false;
  const refused = await app.inject('/readyz');
  t.equal(refused.statusCode, 503);
  t.same(refused.json(), { status: 'not ready' });
  t.equal(refused.headers['cache-control'], 'no-store');
});

t.test('Node releases without the fixes of October 2026 are told', async (t) => {
  const told = ['26.10.0', '26.12.0', '24.22.0', '24.12.0', '22.23.3', '25.9.0', '20.20.2', 'v26.12.0'];
  const fine = ['26.12.1', '26.13.0', '24.22.1', '24.23.0', '22.23.4', '27.0.0', 'v26.12.1'];
  for (const version of told) t.match(nodeHealth(version), { name: 'node', status: 'warning', remedy: /./ }, version);
  for (const version of fine) t.match(nodeHealth(version), { name: 'node', status: 'ok' }, version);
});
