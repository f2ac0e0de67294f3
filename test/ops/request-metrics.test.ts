import t from 'tap';
import { createRequestMetrics } from '../../gateway/ops/request-metrics.ts';

const entry = { status: 200, verdict: 'allow', protocol: 'h1', totalMs: 3 } as const;

t.test('each time is in the buckets that hold it, and in all larger ones', async (t) => {
  const metrics = createRequestMetrics();
  for (const totalMs of [0.5, 1, 1.1, 60_000, 60_001]) metrics.count('echo', { ...entry, totalMs });
  const counts = metrics.text().matchAll(/_bucket\{le="([^"]+)",route="echo"\} (\d+)/g);
  const byBucket = Object.fromEntries([...counts].map(([, bucket, count]) => [bucket, Number(count)]));
  t.match(byBucket, { 0.001: 2, 0.0025: 3, 10: 3, 60: 4, '+Inf': 5 });
  t.match(metrics.text(), 'knot_request_duration_seconds_count{route="echo"} 5\n');
  t.match(metrics.text(), /knot_request_duration_seconds_sum\{route="echo"\} 120\.0036\d*\n/);
});

t.test('every class and verdict is counted apart, what is none of them as none', async (t) => {
  const metrics = createRequestMetrics();
  for (const status of [0, 99, 101, 204, 302, 404, 599, 600, 999]) metrics.count('echo', { ...entry, status });
  for (const verdict of ['deny', '', 'odd']) metrics.count('echo', { ...entry, verdict });
  for (const [labels, count] of [
    ['status_class="none",verdict="allow"', 4],
    ['status_class="1xx",verdict="allow"', 1],
    ['status_class="2xx",verdict="allow"', 1],
    ['status_class="3xx",verdict="allow"', 1],
    ['status_class="4xx",verdict="allow"', 1],
    ['status_class="5xx",verdict="allow"', 1],
    ['status_class="2xx",verdict="deny"', 1],
    ['status_class="2xx",verdict="none"', 2],
  ]) {
    t.match(metrics.text(), `knot_requests_total{route="echo",${labels}} ${count}\n`);
  }
});

t.test('a WebSocket is counted but not timed', async (t) => {
  const metrics = createRequestMetrics();
  metrics.count('echo', { ...entry, status: 101, protocol: 'ws' });
  t.match(metrics.text(), 'knot_requests_total{route="echo",status_class="1xx",verdict="allow"} 1\n');
  t.notMatch(metrics.text(), '_bucket');
});
