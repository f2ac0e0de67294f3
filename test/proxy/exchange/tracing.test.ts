import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocketServer } from 'ws';
import { silentLog, systemClock } from '../../../gateway/lib/index.ts';
import { createTracing } from '../../../gateway/ops/index.ts';
import { type Collector, type ReceivedSpan, startCollector } from '../../support/net/collector.ts';
import { openRaw, readAnswer, sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { type GatewayOptions, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const traceParent = `00-${traceId}-${parentId}-01`;
const madeHere = /^00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])$/;

async function openTraced(t: Test, options: GatewayOptions & { ratio?: number } = {}) {
  const collector = await startCollector();
  const tracer = await createTracing({
    endpoint: `${collector.endpoint}/v1/traces`,
    ratio: options.ratio ?? 1,
    serviceName: 'knot',
    headers: {},
    version: '1.2.3',
    clock: systemClock,
    log: silentLog,
  });
  const gateway = await openGateway(t, { ...options, tracer });
  const { cookie } = await gateway.signIn();
  t.teardown(async () => {
    await tracer.close();
    await collector.close();
  });
  return { ...gateway, collector, cookie, host: `echo.localhost:${gateway.port}` };
}

type Traced = Awaited<ReturnType<typeof openTraced>>;

/** One GET with header lines of its own; what the upstream got of it. */
async function upstreamHeadersFor(house: Traced, lines: string) {
  house.recorder.reset();
  const answer = await sendRaw(
    house.raw,
    `GET /x HTTP/1.1\r\nHost: ${house.host}\r\nCookie: ${house.cookie}\r\n${lines}Connection: close\r\n\r\n`,
  );
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  return house.recorder.requests[0]!.headers;
}

async function spanOf(collector: Collector, fits: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
  await eventually('the span', () => collector.spans.some(fits));
  return collector.spans.find(fits)!;
}

t.test('a request is one span, its upstream gets its ids, its access line names its trace', async (t) => {
  const house = await openTraced(t);
  const { raw, recorder, collector, entries, cookie, host, port } = house;
  const ways: [version: string, send: (path: string) => Promise<{ status: number }>][] = [
    [
      '1.1',
      (path) => sendRaw(raw, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`),
    ],
    ['2', (path) => sendHttp2(raw, { ':path': path, ':authority': host, cookie })],
  ];
  for (const [version, send] of ways) {
    await t.test(`HTTP/${version}`, async (t) => {
      recorder.reset();
      collector.reset();
      entries.length = 0;
      t.equal((await send('/a%20b?token=secret')).status, 200);
      const span = await spanOf(collector, () => true);
      const [line, ...others] = recorder.requests[0]!.headers.get('traceparent')!;
      t.strictSame(others, []);
      const [, sentTrace, sentParent, flags] = madeHere.exec(line!)!;
      t.strictSame([sentTrace, sentParent, flags], [span.traceId, span.spanId, '1']);
      t.equal(span.parentSpanId, '', 'the trace begins here');
      t.equal(span.name, 'GET echo');
      t.equal(span.kind, 2, 'SERVER');
      t.equal(span.status, 0);
      t.match(span.attributes, {
        'http.request.method': 'GET',
        'url.scheme': 'https',
        'url.path': '/a%20b',
        'server.address': 'echo.localhost',
        'http.route': 'echo',
        'http.response.status_code': 200,
        'http.request.body.size': 0,
        'http.response.body.size': 2,
        'client.address': '127.0.0.1',
        'network.protocol.version': version,
        'knot.verdict': 'allow',
        'knot.request_id': entries[0]!.requestId,
      });
      t.ok((span.attributes['knot.upstream_ms'] as number) > 0);
      t.match(span.resource, { 'service.name': 'knot', 'service.version': '1.2.3' });
      t.equal(entries[0]!.traceId, span.traceId);
      t.notMatch(collector.text(), /secret|token|__Host-knot|\bann\b/);
      t.ok(!collector.text().includes(cookie.split('=')[1]!));
    });
  }
  t.ok(port > 0);
});

t.test('a stranger chooses no trace: what it says is replaced by ours, over both versions', async (t) => {
  const house = await openTraced(t);
  const { raw, collector, recorder, cookie, host } = house;
  const headers = await upstreamHeadersFor(
    house,
    `Traceparent: ${traceParent}\r\ntracestate: a=1\r\nbaggage: role=admin\r\n`,
  );
  t.match(headers.get('traceparent')?.[0], madeHere);
  t.equal(headers.get('traceparent')?.length, 1);
  t.equal(headers.has('tracestate'), false);
  t.equal(headers.has('baggage'), false);
  t.notMatch(recorder.bytes(), new RegExp(`${traceId}|${parentId}|role=admin`));

  recorder.reset();
  const fields = { traceparent: traceParent, tracestate: 'a=1', baggage: 'role=admin' };
  t.equal((await sendHttp2(raw, { ':path': '/', ':authority': host, cookie, ...fields })).status, 200);
  t.match(recorder.requests[0]!.headers.get('traceparent')?.[0], madeHere);
  t.notMatch(recorder.bytes(), new RegExp(`${traceId}|${parentId}|tracestate|baggage`));
  await eventually('both spans', () => collector.spans.length === 2);
  t.ok(collector.spans.every((span) => span.traceId !== traceId && span.parentSpanId === ''));
});

t.test('a stranger that is refused or names the fields hop-by-hop changes nothing either', async (t) => {
  const house = await openTraced(t);
  const { raw, collector, entries, host } = house;
  const headers = await upstreamHeadersFor(house, `Connection: traceparent\r\ntraceparent: ${traceParent}\r\n`);
  t.match(headers.get('traceparent')?.[0], madeHere);
  t.notMatch(house.recorder.bytes(), traceId);
  entries.length = 0;
  const refused = await sendRaw(raw, `GET /no HTTP/1.1\r\nHost: ${host}\r\ntraceparent: ${traceParent}\r\n\r\n`);
  t.equal(refused.status, 401);
  const span = await spanOf(collector, ({ attributes }) => attributes['url.path'] === '/no');
  t.match(span.attributes, { 'http.response.status_code': 401, 'knot.reason': 'no_session' });
  t.equal(span.attributes['knot.verdict'], undefined);
  t.equal(span.status, 0, 'a refusal is an answer');
  t.not(span.traceId, traceId);
  await eventually('the access line', () => entries.length === 1);
  t.equal(entries[0]?.traceId, span.traceId);
});

t.test('a trusted proxy is believed', async (t) => {
  const house = await openTraced(t, { trustedProxies: ['127.0.0.0/8'], ratio: 0 });
  const { collector, recorder, raw, cookie, host } = house;

  await t.test(
    'its trace goes on, with a parent id of ours, also where this gateway alone would record nothing',
    async (t) => {
      const headers = await upstreamHeadersFor(
        house,
        `traceparent: ${traceParent}\r\ntracestate: a=1\r\ntracestate: b=2\r\nbaggage: k=v\r\n`,
      );
      const [, sentTrace, sentParent, flags] = madeHere.exec(headers.get('traceparent')![0]!)!;
      t.equal(sentTrace, traceId);
      t.not(sentParent, parentId);
      t.equal(flags, '1');
      t.strictSame(headers.get('tracestate'), ['a=1,b=2']);
      t.strictSame(headers.get('baggage'), ['k=v']);
      const span = await spanOf(collector, (found) => found.traceId === traceId);
      t.strictSame([span.spanId, span.parentSpanId], [sentParent, parentId]);
    },
  );

  await t.test('also over HTTP/2, and by a later version of the field', async (t) => {
    recorder.reset();
    const later = `cc-${traceId}-${parentId}-01-what-comes-later`;
    await sendHttp2(raw, { ':path': '/', ':authority': host, cookie, traceparent: later });
    t.match(recorder.requests[0]!.headers.get('traceparent')?.[0], new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  });

  await t.test('what it does not record is not recorded here', async (t) => {
    const [silent, loud] = ['c'.repeat(32), 'd'.repeat(32)];
    const headers = await upstreamHeadersFor(house, `traceparent: 00-${silent}-${parentId}-00\r\n`);
    t.match(headers.get('traceparent')?.[0], new RegExp(`^00-${silent}-[0-9a-f]{16}-00$`));
    t.notMatch(headers.get('traceparent')?.[0], parentId);
    // A later span that is recorded shows that the earlier one would have arrived.
    await upstreamHeadersFor(house, `traceparent: 00-${loud}-${parentId}-01\r\n`);
    await spanOf(collector, (found) => found.traceId === loud);
    t.notOk(collector.spans.some((found) => found.traceId === silent));
  });

  const malformed: [name: string, lines: string][] = [
    ['empty', 'traceparent: \r\n'],
    ['not in lower case', `traceparent: ${traceParent.toUpperCase()}\r\n`],
    ['a trace id of zeros', `traceparent: 00-${'0'.repeat(32)}-${parentId}-01\r\n`],
    ['a parent id of zeros', `traceparent: 00-${traceId}-${'0'.repeat(16)}-01\r\n`],
    ['version ff', `traceparent: ff-${traceId}-${parentId}-01\r\n`],
    ['a trace id cut short', `traceparent: 00-${traceId.slice(1)}-${parentId}-01\r\n`],
    ['a trace id too long', `traceparent: 00-${traceId}a-${parentId}-01\r\n`],
    ['more than version 00 has', `traceparent: ${traceParent}-more\r\n`],
    ['no flags', `traceparent: 00-${traceId}-${parentId}\r\n`],
    ['one digit of flags', `traceparent: 00-${traceId}-${parentId}-1\r\n`],
    ['not hexadecimal', `traceparent: 00-${traceId.replace('4', 'g')}-${parentId}-01\r\n`],
    ['other separators', `traceparent: ${traceParent.replaceAll('-', '_')}\r\n`],
    ['words', 'traceparent: yes please\r\n'],
    ['32 KB less the rest', `traceparent: ${traceParent}${'-'.repeat(20_000)}\r\n`],
    ['eight-bit bytes', `traceparent: 00-${traceId}-${parentId}-01\xff\r\n`],
    ['repeated', `traceparent: ${traceParent}\r\ntraceparent: ${traceParent}\r\n`],
    ['repeated in one line', `traceparent: ${traceParent}, ${traceParent}\r\n`],
    [
      'repeated, of a version that may be longer',
      `traceparent: 01-${traceId}-${parentId}-01-x\r\ntraceparent: 01-${traceId}-${parentId}-01-x\r\n`,
    ],
    ['tracestate without traceparent', 'tracestate: a=1\r\n'],
  ];
  for (const [name, lines] of malformed) {
    await t.test(`malformed is as good as none: ${name}`, async (t) => {
      const headers = await upstreamHeadersFor(
        house,
        `${lines}${lines.includes('tracestate') ? '' : 'tracestate: a=1\r\n'}`,
      );
      const [line, ...others] = headers.get('traceparent')!;
      t.match(line, madeHere);
      t.notMatch(line, traceId.slice(1));
      t.strictSame(others, []);
      t.equal(headers.has('tracestate'), false);
    });
  }

  const states: [name: string, lines: string, upstream: string[] | undefined][] = [
    ['20 KB', `tracestate: a=${'x'.repeat(20_000)}\r\n`, undefined],
    ['a good member after a huge one', `tracestate: a=${'x'.repeat(20_000)},b=2\r\n`, ['b=2']],
    ['eight-bit bytes', 'tracestate: a=\xff\xfe,b=2\r\n', ['b=2']],
    ['nothing between commas', 'tracestate: ,,,,a=1\r\n', ['a=1']],
    ['no list at all', 'tracestate: whatever\r\n', undefined],
  ];
  for (const [name, lines, expected] of states) {
    await t.test(`only a valid tracestate goes on: ${name}`, async (t) => {
      const headers = await upstreamHeadersFor(house, `traceparent: ${traceParent}\r\n${lines}`);
      t.match(headers.get('traceparent')?.[0], traceId);
      t.strictSame(headers.get('tracestate'), expected);
    });
  }

  await t.test('no more than 32 members and 512 bytes of it', async (t) => {
    const members = Array.from({ length: 100 }, (_, index) => `k${index}=v`).join(',');
    const headers = await upstreamHeadersFor(house, `traceparent: ${traceParent}\r\ntracestate: ${members}\r\n`);
    const [state] = headers.get('tracestate')!;
    t.equal(state!.split(',').length, 32);
    t.ok(state!.startsWith('k0=v,k1=v'));
  });
});

t.test('trust is of the peer, not of an address in X-Forwarded-For', async (t) => {
  const house = await openTraced(t, { trustedProxies: ['10.0.0.0/8'] });
  const headers = await upstreamHeadersFor(house, `X-Forwarded-For: 10.1.2.3\r\ntraceparent: ${traceParent}\r\n`);
  t.match(headers.get('traceparent')?.[0], madeHere);
  t.notMatch(house.recorder.bytes(), traceId);
});

t.test('an upstream that fails is an error of the span, one that answers 404 is not', async (t) => {
  const house = await openTraced(t);
  const { recorder, collector, raw, cookie, host } = house;
  const get = (path: string) =>
    sendRaw(raw, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  const at = (path: string) => spanOf(collector, ({ attributes }) => attributes['url.path'] === path);
  recorder.answerWith(() => 'HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n');
  await get('/404');
  recorder.answerWith(() => 'HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n');
  await get('/500');
  recorder.answerWith(() => 'nonsense\r\n\r\n');
  await get('/nonsense');
  recorder.answerWith((_request, socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    return undefined;
  });
  await get('/cut');
  t.match(await at('/404'), { status: 0, attributes: { 'http.response.status_code': 404 } });
  t.match(await at('/500'), { status: 2, attributes: { 'error.type': '500' } });
  t.match(await at('/nonsense'), {
    status: 2,
    attributes: { 'http.response.status_code': 502, 'error.type': /^upstream_/ },
  });
  t.match(await at('/cut'), { status: 2, attributes: { 'error.type': 'upstream_cut' } });
});

t.test('the span of a WebSocket ends with its 101, long before the WebSocket', async (t) => {
  const upstream = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const got: Record<string, unknown>[] = [];
  upstream.on('upgrade', (request, socket, head) => {
    got.push(request.headers);
    if (request.url === '/refused') return socket.end('HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n');
    return sockets.handleUpgrade(request, socket, head, () => undefined);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate();
    upstream.close();
  });
  const { port } = upstream.address() as AddressInfo;
  const house = await openTraced(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port } }),
  });
  const { raw, collector, entries, cookie, host } = house;
  const upgrade = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nOrigin: https://${host}\r\ntraceparent: ${traceParent}\r\n` +
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const socket = await openRaw(raw);
  socket.write(upgrade('/ws?token=secret'));
  t.equal((await readAnswer(socket)).status, 101);
  const span = await spanOf(collector, () => true);
  t.equal(house.proxy.counts().webSockets, 1, 'the WebSocket is still open');
  t.match(span, { name: 'GET echo', status: 0, attributes: { 'url.path': '/ws', 'http.response.status_code': 101 } });
  t.match(got[0]!['traceparent'], `00-${span.traceId}-${span.spanId}-01`);
  t.not(span.traceId, traceId);
  socket.destroy();
  await eventually('the access line at its end', () => entries.length === 1);
  t.equal(entries[0]!.traceId, span.traceId);

  collector.reset();
  t.equal((await sendRaw(raw, upgrade('/refused'))).status, 403);
  const refused = await spanOf(collector, () => true);
  t.match(refused, {
    status: 0,
    attributes: { 'http.response.status_code': 403, 'knot.reason': 'upstream_refused_upgrade' },
  });
  t.equal(collector.spans.length, 1, 'and the first one was sent once');
});

t.test('without a tracer the trace fields of clients are like any other', async (t) => {
  for (const trustedProxies of [[], ['127.0.0.0/8']]) {
    const gateway = await openGateway(t, { trustedProxies });
    const { cookie } = await gateway.signIn();
    const host = `echo.localhost:${gateway.port}`;
    await sendRaw(
      gateway.raw,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nTraceParent: as it is\r\ntracestate: a\r\ntracestate: b\r\nbaggage: c\r\nConnection: close\r\n\r\n`,
    );
    t.match(gateway.recorder.bytes(), /TraceParent: as it is\r\ntracestate: a\r\ntracestate: b\r\nbaggage: c\r\n/);
    t.notOk('traceId' in gateway.entries[0]!);
  }
});
