import { once } from 'node:events';
import t from 'tap';
import { openRaw, sendRaw } from '../support/net/raw-client.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { accessLines, openHouse, promptMs } from './house.ts';
import { eventually } from '../support/eventually.ts';

const house = await openHouse(t);
const { gateway, recorder, raw, host, origin, cookie } = house;
const newOutput = (since: number): string[] => gateway.output().slice(since).split('\n').filter(Boolean);

/** What a terminal or a viewer would obey instead of show. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const obeyed = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e\ufeff]/;

t.test('L1 whatever is sent, each request is one whole JSON line of bounded size', async (t) => {
  const fake = '%0d%0a{"level":"info","msg":"access","user":"root","status":200}';
  const sent: [name: string, bytes: string][] = [
    [
      'a line break, encoded',
      `GET /l1/${fake} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    ],
    ['an escape sequence', `GET /l1/\x1b[31mred HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`],
    ['an eight-bit escape', `GET /l1/\x9b31mred HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`],
    ['a line separator', `GET /l1/\xe2\x80\xa8x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`],
    [
      'the same, encoded',
      `GET /l1/%e2%80%a8x HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    ],
    ['quotes', `GET /l1/","user":"root HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`],
    [
      '30 KB of path',
      `GET /l1/${'x'.repeat(30_000)} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    ],
    ['a host that is JSON', `GET /l1 HTTP/1.1\r\nHost: ","user":"root\r\nConnection: close\r\n\r\n`],
    ['a host of 20 KB', `GET /l1 HTTP/1.1\r\nHost: ${'a.'.repeat(10_000)}a\r\nConnection: close\r\n\r\n`],
    ['an odd method', `FOO"BAR /l1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`],
    [
      'a user agent with escapes',
      `GET /l1 HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: \x9b31m\xe2\x80\xa8\r\nConnection: close\r\n\r\n`,
    ],
    [
      'a user agent of 20 KB',
      `GET /l1 HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nUser-Agent: ${'u'.repeat(20_000)}\r\nConnection: close\r\n\r\n`,
    ],
  ];
  for (const [name, bytes] of sent) {
    const since = gateway.output().length;
    await sendRaw(raw, bytes);
    await eventually(`a line for ${name}`, () => accessLines(gateway.output().slice(since)).length > 0);
    const lines = newOutput(since);
    for (const line of lines) {
      t.doesNotThrow(() => void JSON.parse(line), `${name} is JSON`);
      t.notMatch(line, obeyed, `${name} holds nothing a terminal obeys`);
      t.ok(line.length < 4_096, `${name} takes ${line.length} bytes`);
    }
    const [entry, ...others] = accessLines(gateway.output().slice(since));
    t.strictSame(others, [], `${name} is one access line`);
    t.ok(['', 'ann'].includes(entry!.user), `${name} names nobody else`);
  }
});

t.test('L2 secrets of a request and of an answer stand in no line', async (t) => {
  const since = gateway.output().length;
  const secret = 'hunter2hunter2';
  const fields =
    `Authorization: Bearer ${secret}\r\nCookie: ${cookie}; app=${secret}\r\nProxy-Authorization: Basic ${secret}\r\n` +
    `X-Api-Token: ${secret}\r\nReferer: https://x/?code=${secret}\r\nConnection: close\r\n\r\n`;
  recorder.answerWith(() => `HTTP/1.1 200 OK\r\nSet-Cookie: app=${secret}\r\nContent-Length: 2\r\n\r\nok`);
  for (const target of [
    `/l2?code=${secret}&token=${secret}`,
    `/l2?access_token=${secret}#`,
    `/l2/../x?code=${secret}`,
  ]) {
    await sendRaw(raw, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}`);
  }
  await sendRaw(raw, `GET /.knot/callback?code=${secret} HTTP/1.1\r\nHost: ${host}\r\n${fields}`);
  await sendRaw(raw, `GET /login?token=${secret} HTTP/1.1\r\nHost: localhost:${gateway.port}\r\n${fields}`);
  await sendRaw(
    raw,
    `GET /oidc/auth?code=${secret}&state=${secret} HTTP/1.1\r\nHost: localhost:${gateway.port}\r\n${fields}`,
  );
  recorder.answerWith(() => `HTTP/1.1 999 ${secret}\r\nSet-Cookie: a=${secret}\r\n\r\n`);
  await sendRaw(raw, `GET /l2/broken?code=${secret} HTTP/1.1\r\nHost: ${host}\r\n${fields}`);
  recorder.answerWith((_request, socket) => void socket.destroy());
  await sendRaw(raw, `GET /l2/dead?code=${secret} HTTP/1.1\r\nHost: ${host}\r\n${fields}`);
  await eventually('the last line', () => /l2\/dead/.test(gateway.output().slice(since)));
  const written = gateway.output().slice(since);
  t.notMatch(written, new RegExp(secret), 'what a client or an upstream keeps secret');
  t.notMatch(written, new RegExp(cookie.split('=')[1]!), 'the session');
  t.match(written, /l2\/broken/, 'neighbour: the path is there');
  recorder.reset();
});

t.test('L3 random hosts, paths, methods and reasons make no new series', async (t) => {
  const series = async (): Promise<number> =>
    (await (await fetch(`${gateway.ops}/metrics`)).text()).split('\n').filter((line) => line.startsWith('knot_'))
      .length;
  const random = (index: number): string => (index * 2_654_435_761).toString(36);
  const burst = async (from: number, count: number): Promise<void> => {
    const socket = await openRaw(raw);
    let answers = 0;
    let rest = '';
    socket.on('data', (data: Buffer) => {
      const parts = (rest + data.toString('latin1')).split('HTTP/1.1 404');
      answers += parts.length - 1;
      rest = parts.at(-1)!.slice(-16);
    });
    for (let sent = 0; sent < count; sent += 50) {
      const names = Array.from({ length: 50 }, (_, index) => random(from + sent + index));
      socket.write(
        names
          .map((name) => `GET /${name} HTTP/1.1\r\nHost: h${name}.localhost\r\nUser-Agent: ${name}\r\n\r\n`)
          .join(''),
      );
      while (answers < sent + 50) await once(socket, 'data');
    }
    socket.destroy();
  };
  await burst(0, 50);
  const before = await series();
  await Promise.all([0, 1, 2, 3].map((lane) => burst(50 + lane * 2_500, 2_500)));
  for (let index = 0; index < 40; index++) {
    await sendRaw(raw, `M${random(index).toUpperCase()} /x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  }
  const after = await series();
  t.ok(after - before < 60, `${after - before} series more after 10,000 names nobody knows`);
  t.equal(
    (await sendRaw(raw, `GET /l3 HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`)).status,
    200,
  );
});

t.test('T10 a request without a host is logged in every format', async (t) => {
  const pretty = await startGateway({
    config: { integrations: { jupyterhub: { mode: 'off' } }, log: { format: 'pretty', level: 'debug' } },
  });
  t.teardown(() => pretty.stop());
  const heads = ['', 'Host:\r\n', 'Host: a, b\r\n', 'Host: a\r\nHost: b\r\n', 'Host: good@evil\r\n', 'Host: a b\r\n'];
  for (const [name, target] of [
    ['json', raw],
    ['pretty', { port: pretty.port, ca: caOf(pretty) }],
  ] as const) {
    for (const version of ['1.1', '1.0']) {
      for (const head of heads) {
        const answer = await sendRaw(target, `GET /t10 HTTP/${version}\r\n${head}Connection: close\r\n\r\n`);
        t.equal(answer.status, 400, `${name} ${version} ${JSON.stringify(head)}`);
      }
    }
    const neighbour = await sendRaw(target, 'GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    t.equal(neighbour.status, 200, `${name}: the process still answers`);
  }
  const reasons = (): number => (pretty.output().match(/host_missing/g) ?? []).length;
  await eventually('the reason in the line', () => reasons() >= 4);
  const output = pretty.output();
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  t.notMatch(output, /\u001b/, 'without colours, because nobody looks at a terminal');
});

t.test('the process still answers', async (t) => {
  t.ok((await house.serveMs()) < promptMs);
  t.equal(origin, house.origin);
});
