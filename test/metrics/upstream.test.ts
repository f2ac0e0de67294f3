import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createMetrics } from '../../gateway/metrics/index.ts';

const readable = { label: 'namespace', names: ['knot-ada'] };

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

async function given(
  t: Test,
  handler: Handler,
  more: { timeoutMs?: number; largestAnswer?: number; token?: string } = {},
) {
  const server = createServer((request, response) => void handler(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const metrics = createMetrics({
    upstream: `http://127.0.0.1:${port}/prom/`,
    log: silentLog,
    clock: systemClock,
    ...more,
  });
  t.teardown(async () => {
    await metrics.close();
    server.closeAllConnections();
    server.close();
  });
  const ask = (query = 'up') => metrics.ask({ endpoint: 'query', parameters: [['query', query]], readable });
  return { metrics, ask, server };
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

t.test('what is sent stands in one place, with the token of Knot and nothing of the person', async (t) => {
  const seen: unknown[] = [];
  const { metrics, ask } = await given(
    t,
    ({ method, url, headers }, response) => {
      json(response, 200, { status: 'success', data: [] });
      seen.push([method, url, headers.authorization, headers['content-type']]);
    },
    { token: 'of-knot' },
  );
  await ask();
  await metrics.ask({ endpoint: 'values', label: 'pod', parameters: [], readable });
  t.strictSame(seen, [
    ['POST', '/prom/api/v1/query', 'Bearer of-knot', 'application/x-www-form-urlencoded'],
    [
      'GET',
      `/prom/api/v1/label/pod/values?${new URLSearchParams({ 'match[]': '{namespace=~"knot-ada"}' }).toString()}`,
      'Bearer of-knot',
      undefined,
    ],
  ]);
  for (const label of ['', '..', 'a/b', 'pod?x', 'é', '%2e%2e'])
    await t.rejects(metrics.ask({ endpoint: 'values', label, parameters: [], readable }), {
      code: 'KNOT_METRICS_PARAMETER',
    });
});

t.test('the body of a query is the query', async (t) => {
  const { ask } = await given(t, async (request, response) =>
    json(response, 200, { status: 'success', data: await text(request) }),
  );
  t.match(JSON.parse((await ask('sum(up)')).body), { data: 'query=sum%28up%7Bnamespace%3D%7E%22knot-ada%22%7D%29' });
});

t.test('a failure of Prometheus is said in plain words, without its addresses', async (t) => {
  const rows: readonly (readonly [Handler, object])[] = [
    [
      (_, response) => json(response, 500, { status: 'error', errorType: 'internal', error: 'dial tcp 10.0.0.7:9090' }),
      { code: 'KNOT_METRICS_AWAY', statusCode: 502, message: /failure of its own/ },
    ],
    [
      (_, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>nginx at 10.0.0.7'),
      { code: 'KNOT_METRICS_AWAY', message: /failure of its own/ },
    ],
    [
      (_, response) => json(response, 503, { status: 'error', errorType: 'timeout', error: 'query timed out' }),
      { code: 'KNOT_METRICS_SLOW', statusCode: 504 },
    ],
    [
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      { code: 'KNOT_METRICS_AWAY', message: /something else/ },
    ],
    [
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello'),
      { code: 'KNOT_METRICS_AWAY', message: /something else/ },
    ],
    [(_, response) => json(response, 404, {}), { code: 'KNOT_METRICS_AWAY', message: /something else/ }],
    [
      (_, response) => response.writeHead(401).end(),
      { code: 'KNOT_METRICS_AWAY', message: /does not let Knot in/, remedy: /prometheus\.token/ },
    ],
    [(_, response) => response.destroy(), { code: 'KNOT_METRICS_AWAY', message: /does not answer/ }],
    [
      (_, response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{') &&
        response.destroy(),
      { code: 'KNOT_METRICS_AWAY' },
    ],
  ];
  for (const [handler, expected] of rows) {
    const { ask } = await given(t, handler);
    const error = await ask().then(
      () => undefined,
      (reason: unknown) => reason as Error & { remedy?: string },
    );
    t.match(error, expected);
    t.notMatch(`${error?.message} ${error?.remedy}`, /127\.0\.0\.1|10\.0\.0\.7|169\.254/);
  }
});

t.test('one that is away, slow or answers too much', async (t) => {
  const gone = await given(t, () => undefined);
  gone.server.close();
  await t.rejects(gone.ask(), { code: 'KNOT_METRICS_AWAY', message: /does not answer/ });
  const slow = await given(t, () => undefined, { timeoutMs: 50 });
  await t.rejects(slow.ask(), { code: 'KNOT_METRICS_SLOW', statusCode: 504 });
  const halting = await given(
    t,
    (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    { timeoutMs: 50 },
  );
  await t.rejects(halting.ask(), { code: 'KNOT_METRICS_SLOW' });
  const large = await given(t, (_, response) => json(response, 200, JSON.stringify('x'.repeat(5000))), {
    largestAnswer: 4096,
  });
  await t.rejects(large.ask(), { code: 'KNOT_METRICS_LARGE', statusCode: 502, remedy: /shorter time/ });
  const endless = await given(
    t,
    (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000)));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    },
    { largestAnswer: 100_000 },
  );
  await t.rejects(endless.ask(), { code: 'KNOT_METRICS_LARGE' });
});

t.test('what is wrong with a question, Prometheus says itself', async (t) => {
  const { ask } = await given(t, (_, response) =>
    json(response, 422, {
      status: 'error',
      errorType: 'execution',
      error:
        'many-to-many; Post "http://store.monitoring.svc:10901/x": dial tcp 10.1.2.3:10901; see thanos.internal:9090',
    }),
  );
  const { status, body } = await ask();
  t.equal(status, 422);
  t.match(JSON.parse(body), { errorType: 'execution', error: /many-to-many/ });
  t.notMatch(body, /svc|10\.1\.2\.3|thanos/);
});

t.test('warnings name no address, and what looks like them in the data stays', async (t) => {
  const data = { result: [{ metric: { a: ',"warnings":["http://x"]' }, value: [1, '2'] }] };
  const answers = [
    { status: 'success', data, warnings: ['fetch from http://10.1.2.3:10901 failed', 'plain'] },
    { status: 'success', data, infos: ['metric might not be a counter, name does not end in _total: "up" (1:5)'] },
    { status: 'success', data, warnings: ['store-0.thanos.svc:10901 is away'], infos: ['x'] },
    { status: 'success', data },
  ];
  let next = 0;
  const { ask } = await given(t, (_, response) => json(response, 200, answers[next++]));
  t.strictSame(JSON.parse((await ask()).body), { ...answers[0], warnings: ['fetch from … failed', 'plain'] });
  t.strictSame(JSON.parse((await ask()).body), answers[1]);
  t.strictSame(JSON.parse((await ask()).body), { ...answers[2], warnings: ['… is away'] });
  t.strictSame(JSON.parse((await ask()).body), answers[3]);
});
