import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { createMetrics } from '../../gateway/metrics/index.ts';
import { eventually } from '../support/eventually.ts';

/** What the page Health says of Prometheus. `answer` is given the query. */
async function opened(t: Test, answer: (query: string, response: ServerResponse) => unknown) {
  const server = createServer(
    (request, response) =>
      void text(request).then((body) => answer(new URLSearchParams(body).get('query') ?? '', response)),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const looks: (() => void)[] = [];
  const metrics = createMetrics({
    upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ log: silentLog, clock: systemClock, timeoutMs: 20_000 },
    timers: { after: (_ms, call) => (looks.push(call), () => undefined) },
  });
  t.teardown(async () => {
    await metrics.close();
    server.closeAllConnections();
    server.close();
  });
  return {
    metrics,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    lookAgain: () => looks.at(-1)!(),
    /** Once it is no more what it was. */
    async becomes(status: string) {
      await eventually(`it is ${status}`, () => metrics.health()[0]?.status === status);
      return metrics.health()[0]!;
    },
  };
}

const say = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};
const now = (): number => Date.now() / 1000;
const scalar = (value: number) => ({ status: 'success', data: { resultType: 'scalar', result: [now(), `${value}`] } });
const vector = (...values: number[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [now(), `${value}`] })) },
});
/** A Prometheus whose clock is off by so much, and whose newest sample is so old by its own. */
const prometheus =
  ({ ahead = 0, age = 5 }: { ahead?: number; age?: number | undefined }) =>
  (query: string, response: ServerResponse): void =>
    say(
      response,
      200,
      query === 'time()' ? scalar(now() + ahead) : age === Infinity ? vector() : vector(now() + ahead - age),
    );

t.test('all is well', async (t) => {
  const { metrics, becomes } = await opened(t, prometheus({}));
  t.match(metrics.health(), [{ name: 'prometheus', status: 'working' }], 'nobody has asked it yet');
  metrics.start();
  t.match(await becomes('ok'), { message: /fresh/ });
});

t.test('one that stops scraping is behind, and nothing fails for it', async (t) => {
  for (const [age, words] of [
    [240, /read nothing for 24\d s/],
    [Infinity, /read nothing for five minutes or longer/],
  ] as const) {
    const { metrics, becomes } = await opened(t, prometheus({ age }));
    metrics.start();
    t.match(await becomes('warning'), { message: words, remedy: /Targets/ });
  }
});

t.test('a clock that differs is told before anything that would follow of it', async (t) => {
  for (const [ahead, words] of [
    [90, /(?:89|90|91) s ahead of/],
    [-90, /(?:89|90|91) s behind/],
  ] as const) {
    const { metrics, becomes } = await opened(t, prometheus({ ahead, age: Infinity }));
    metrics.start();
    t.match(await becomes('warning'), { message: words, remedy: /NTP/ });
  }
});

t.test('one that does not let Knot in, is something else, or goes away, says so; and comes back', async (t) => {
  let answer: (query: string, response: ServerResponse) => unknown = (_query, response) =>
    say(response, 403, { status: 'error' });
  const { metrics, becomes, lookAgain, stop } = await opened(t, (query, response) => answer(query, response));
  metrics.start();
  t.match(await becomes('failed'), { message: /does not let Knot in/, remedy: /integrations\.prometheus\.token/ });
  answer = prometheus({});
  await eventually('it waits for the next look', () => {
    lookAgain();
    return metrics.health()[0]?.status === 'ok';
  });
  answer = (_query, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  lookAgain();
  t.match(await becomes('failed'), { message: /is something else/, remedy: /prometheus\.upstream/ });
  await stop();
  await eventually('it is gone', () => {
    lookAgain();
    return /does not answer/.test(metrics.health()[0]!.message);
  });
  t.notMatch(JSON.stringify(metrics.health()), /127\.0\.0\.1|ECONNREFUSED/);
});

t.test('one that hangs holds up no end', async (t) => {
  const { metrics } = await opened(t, () => undefined);
  metrics.start();
  await metrics.close();
  t.match(metrics.health(), [{ status: 'working' }]);
});
