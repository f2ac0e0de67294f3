import { join } from 'node:path';
import t from 'tap';
import { metric, openHouse, promptMs } from '../attacks/house.ts';
import { startCollector } from '../support/net/collector.ts';
import { startGateway } from '../support/process/gateway.ts';
import { eventually } from '../support/eventually.ts';

const integrations = { jupyterhub: { mode: 'off' } };
const watched = { NODE_OPTIONS: `--import ${join(import.meta.dirname, '../support/process/loaded-packages.mjs')}` };

const cluster =
  '/(@kubernetes/client-node|gateway/(kube/client|provisioning/provisioning|admission/service|discovery/discovery))';

t.test(
  'the packages are loaded when traces are configured, and never else; nor is what is for a cluster',
  async (t) => {
    const collector = await startCollector();
    t.teardown(() => collector.close());
    const off = await startGateway({
      config: { integrations },
      environment: { ...watched, KNOT_TEST_WATCHED: `/@opentelemetry/(?!api/)|${cluster}` },
    });
    t.teardown(() => off.stop());
    t.notMatch(off.output(), /loaded .*(?:@opentelemetry|kube|provisioning|admission|discovery)/);
    t.notMatch(await (await fetch(`${off.ops}/metrics`)).text(), 'knot_trace');
    const on = await startGateway({
      config: { integrations, tracing: { endpoint: collector.endpoint } },
      environment: watched,
    });
    t.teardown(() => on.stop());
    t.match(on.output(), '/@opentelemetry/sdk-trace/');
    t.match(await (await fetch(`${on.ops}/metrics`)).text(), /\nknot_trace_spans_dropped_total 0\n/);
  },
);

t.test(
  'a whole gateway: traces, access lines and what upstreams get belong together, and no secret is among them',
  async (t) => {
    const collector = await startCollector();
    t.teardown(() => collector.close());
    const folder = t.testdir({ secret: 'Bearer for-the-collector\n' });
    const house = await openHouse(t, {
      tracing: {
        endpoint: collector.endpoint,
        serviceName: 'front-door',
        headers: [{ header: 'authorization', value: { fromFile: join(folder, 'secret') } }],
      },
    });
    house.forget();
    const answer = await house.send(
      'GET /a?code=s3cret-code&token=s3cret-token HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE; other=s3cret-cookie\r\n' +
        'Authorization: Bearer s3cret-bearer\r\nReferer: https://elsewhere.example/?q=s3cret-referer\r\n' +
        'User-Agent: s3cret-agent\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n' +
        'baggage: s3cret-baggage=1\r\nConnection: close\r\n\r\n',
    );
    t.equal(answer.status, 200);
    await eventually('the span', () => collector.spans.some(({ attributes }) => attributes['url.path'] === '/a'));
    const span = collector.spans.find(({ attributes }) => attributes['url.path'] === '/a')!;
    const upstream = house.recorder.requests[0]!.headers.get('traceparent');
    t.strictSame(upstream, [`00-${span.traceId}-${span.spanId}-01`]);
    const line = await house.lineOf(({ path }) => path === '/a');
    t.match(line, { traceId: span.traceId, requestId: span.attributes['knot.request_id'] });
    t.equal(span.resource['service.name'], 'front-door');
    t.match(collector.batches[0], { path: '/v1/traces', headers: { authorization: 'Bearer for-the-collector' } });
    t.notMatch(collector.text(), /s3cret|__Host-knot|for-the-collector|4bf92f35/);
    t.ok(!collector.text().includes(house.cookie.split('=')[1]!));
    t.notMatch(house.gateway.output(), /for-the-collector|you MUST reach the trace collector/);
    const shown = await house.gateway.knot(['config', 'show']);
    t.match(shown.stdout, 'front-door');
    t.notMatch(shown.stdout, 'for-the-collector');

    await house.send('GET /last HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nConnection: close\r\n\r\n');
    t.equal(await house.gateway.signal('SIGTERM'), 0);
    t.ok(
      collector.spans.some(({ attributes }) => attributes['url.path'] === '/last'),
      'what was left came at the end',
    );
  },
);

t.test('a collector that is gone fails no request and does not hold up the end', async (t) => {
  const collector = await startCollector();
  await collector.close();
  const house = await openHouse(t, { tracing: { endpoint: collector.endpoint } });
  for (let n = 0; n < 20; n++) t.ok((await house.serveMs()) < promptMs);
  await eventually(
    'spans are counted',
    async () => (await metric(house.gateway, 'knot_trace_spans_dropped_total')) > 0,
  );
  const warnings = house.gateway
    .output()
    .split('\n')
    .filter((line) => line.includes('spans do not get to the collector'));
  t.equal(warnings.length, 1);
  const startedAt = performance.now();
  t.equal(await house.gateway.signal('SIGTERM'), 0);
  t.ok(performance.now() - startedAt < 10_000);
});

t.test('plain HTTP to another machine is said to be unsafe', async (t) => {
  const gateway = await startGateway({
    config: { integrations, tracing: { endpoint: 'http://127.collector.invalid:4318' } },
  });
  t.teardown(() => gateway.stop());
  t.match(await gateway.line(/you MUST reach the trace collector by https/), '127.collector.invalid');
});
