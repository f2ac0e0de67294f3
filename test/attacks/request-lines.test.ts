import { connect } from 'node:net';
import t from 'tap';
import { openRaw, sendHttp2 } from '../support/net/raw-client.ts';
import { openHouse } from './house.ts';
import { eventually } from '../support/eventually.ts';

const house = await openHouse(t, { httpListen: '127.0.0.1:0' });
const { recorder, raw, gateway, host, cookie } = house;
const main = `localhost:${gateway.port}`;
const redirectPort = Number(/"port":(\d+)/.exec(await gateway.line(/plain HTTP redirects to https/))![1]);

/** What must not be taken for `GET /x HTTP/1.1`, though Node's parser takes much of it for that (RFC 9112 section 3). */
const refusedLines = [
  'GET /x RTSP/1.0\r\n',
  'GET /x RTSP/1.1\r\n',
  'GET /x ICE/1.0\r\n',
  'SOURCE /x ICE/1.0\r\n',
  'DESCRIBE /x RTSP/1.0\r\n',
  'GET /x http/1.1\r\n',
  'GET /x Http/1.1\r\n',
  'GET /x HTTP/1.2\r\n',
  'GET /x HTTP/2.0\r\n',
  'GET /x HTTP/0.9\r\n',
  'GET /x HTTP/3\r\n',
  'GET /x HTTP/01.1\r\n',
  'GET /x HTTP/1.10\r\n',
  'GET /x HTTP/ 1.1\r\n',
  'GET /x HTTP/1.1.\r\n',
  'GET /x\r\n',
  'GET /x \r\n',
  'GET /x  HTTP/1.1\r\n',
  'GET  /x HTTP/1.1\r\n',
  'GET   /x   HTTP/1.1\r\n',
  ' GET /x HTTP/1.1\r\n',
  '\tGET /x HTTP/1.1\r\n',
  'GET /x HTTP/1.1 \r\n',
  'GET /x HTTP/1.1\t\r\n',
  'GET\t/x HTTP/1.1\r\n',
  'GET /x\tHTTP/1.1\r\n',
  'GET /x\x0bHTTP/1.1\r\n',
  'GET\x0c/x HTTP/1.1\r\n',
  'GET /x y HTTP/1.1\r\n',
  'GET /x HTTP/1.1\n',
  'GET /x HTTP/1.1\r',
  'GET /x HTTP/1.1\r\r\n',
  'GET /x\n',
  '\nGET /x HTTP/1.1\r\n',
  '\rGET /x HTTP/1.1\r\n',
  '\r\n\r\nGET /x HTTP/1.1\r\n',
  'GET /x\xa0HTTP/1.1\r\n',
  '\xef\xbb\xbfGET /x HTTP/1.1\r\n',
  'GET http://HOST/x HTTP/1.1\r\n',
  'GET https://HOST/x HTTP/1.1\r\n',
  'GET //HOST/x HTTP/1.1\r\n',
  'GET HOST HTTP/1.1\r\n',
  'GET * HTTP/1.1\r\n',
  'OPTIONS * HTTP/1.1\r\n',
  'GET x HTTP/1.1\r\n',
  'GET ?x HTTP/1.1\r\n',
  'GET /x#a HTTP/1.1\r\n',
  'get /x HTTP/1.1\r\n',
  'PRI * HTTP/2.0\r\n',
];

/** The only ones of those that the operations listener may answer: it looks at paths alone and forwards nothing. */
const otherTargets = /^(?:GET|OPTIONS) (?:http|\/\/|\*|\/x#)/;

const fill = (text: string): string => text.replaceAll('HOST', host);
const fields = `Host: ${host}\r\nCookie: ${cookie}\r\n`;

/** Everything that comes back until the other side closes, or nothing more comes for a while. */
function answersTo(socket: ReturnType<typeof connect>, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
    const [piece, ...rest] = pieces;
    socket.write(Buffer.from(piece!, 'latin1'));
    for (const next of rest) setImmediate(() => socket.write(Buffer.from(next, 'latin1')));
    setTimeout(() => socket.destroy(), 4_000).unref();
  });
}

const statusesOf = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1]!);

/** The ways by which a request comes before Node's parser, each with what stands before it. */
const ways: Record<string, { before: string; answered: string[]; fields: string; pieces?: true }> = {
  'first on its connection': { before: '', answered: [], fields },
  'in pieces': { before: '', answered: [], fields, pieces: true },
  'behind a request with chunks': {
    before: `POST /before HTTP/1.1\r\n${fields}Origin: https://${host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    answered: ['200'],
    fields,
  },
  'behind a request of known length on a connection of Node': {
    before: `GET /before HTTP/1.0\r\n${fields}Connection: keep-alive\r\n\r\nPOST /before HTTP/1.1\r\n${fields}Origin: https://${host}\r\nContent-Length: 4\r\n\r\n\r\n\r\n`,
    answered: ['200', '200'],
    fields,
  },
  'for the main host': { before: '', answered: [], fields: `Host: ${main}\r\n` },
  'behind one for the main host': {
    before: `GET /login HTTP/1.1\r\nHost: ${main}\r\n\r\n`,
    answered: ['200'],
    fields,
  },
};

t.test('a request line is refused unless it is one, by whichever parser reads it', async (t) => {
  for (const [way, { before, answered, fields: own, pieces }] of Object.entries(ways)) {
    await t.test(way, async (t) => {
      for (const line of refusedLines) {
        house.forget();
        const request = `${fill(line)}${own}\r\n`;
        const socket = await openRaw(raw);
        let text: string;
        if (pieces) text = await answersTo(socket, [...request].slice(0, 30).concat(request.slice(30)));
        else text = await answersTo(socket, [before + request]);
        const statuses = statusesOf(text);
        const last = statuses.slice(answered.length);
        t.ok(
          statuses.length < answered.length || last.every((status) => /^[45]/.test(status)),
          `${JSON.stringify(line)}: ${statuses.join(' ')}`,
        );
        t.notOk(
          recorder.requests.some(({ target }) => target !== '/before'),
          'nothing of it reaches the upstream',
        );
      }
    });
  }
});

t.test('neighbours: what is a request line passes, in the same ways', async (t) => {
  for (const [way, { before, answered, fields: own }] of Object.entries(ways)) {
    for (const line of [
      'GET /login HTTP/1.1\r\n',
      '\r\nGET /login HTTP/1.1\r\n',
      'GET /login?a=\\d+ HTTP/1.1\r\n',
      'HEAD /login HTTP/1.1\r\n',
    ]) {
      house.forget();
      const text = await answersTo(await openRaw(raw), [`${before}${line}${own}Connection: close\r\n\r\n`]);
      t.strictSame(statusesOf(text), [...answered, '200'], `${way}: ${JSON.stringify(line)}`);
    }
  }
});

t.test('the listener that redirects and the one for operators judge it too', async (t) => {
  const ops = Number(new URL(gateway.ops).port);
  for (const line of refusedLines) {
    const request = `${fill(line)}Host: ${host}\r\n\r\n`;
    const redirected = statusesOf(await answersTo(connect(redirectPort, '127.0.0.1'), [request]));
    t.ok(
      redirected.length <= 1 && /^[45]/.test(redirected[0] ?? '400'),
      `redirect ${JSON.stringify(line)}: ${redirected.join(' ')}`,
    );
    if (otherTargets.test(line)) continue;
    const operated = statusesOf(await answersTo(connect(ops, '127.0.0.1'), [request]));
    t.ok(
      operated.length <= 1 && /^[45]/.test(operated[0] ?? '400'),
      `ops ${JSON.stringify(line)}: ${operated.join(' ')}`,
    );
    const pipelined = `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n${request}`;
    const second = statusesOf(await answersTo(connect(ops, '127.0.0.1'), [pipelined]));
    t.ok(
      second.slice(1).every((status) => /^[45]/.test(status)),
      `ops, second ${JSON.stringify(line)}: ${second.join(' ')}`,
    );
  }
  t.strictSame(
    statusesOf(await answersTo(connect(redirectPort, '127.0.0.1'), [`GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`])),
    ['308'],
  );
  const plain = 'GET /healthz HTTP/1.1\r\nHost: x\r\n';
  t.strictSame(
    statusesOf(await answersTo(connect(ops, '127.0.0.1'), [`${plain}\r\n${plain}Connection: close\r\n\r\n`])),
    ['200', '200'],
  );
});

t.test('the reason stands in the access log', async (t) => {
  for (const [line, reason, status] of [
    ['GET /x RTSP/1.0\r\n', 'request_line', 400],
    ['GET /x  HTTP/1.1\r\n', 'request_line', 400],
    ['GET /x HTTP/2.0\r\n', 'http_version', 505],
  ] as const) {
    house.forget();
    const answer = await house.send(`${line}${fields}\r\n`);
    t.equal(answer.status, status);
    await house.lineOf((entry) => entry.reason === reason && entry.status === status, reason);
  }
});

t.test('the same of the pseudo-headers of HTTP/2', async (t) => {
  const good = { ':method': 'GET', ':path': '/x', ':scheme': 'https', ':authority': host, cookie };
  const bad: Record<string, string>[] = [
    { ...good, ':scheme': 'http' },
    { ...good, ':scheme': 'rtsp' },
    { ...good, ':scheme': 'HTTPS' },
    { ...good, ':method': 'get' },
    { ...good, ':method': 'GET ' },
    { ...good, ':method': 'DESCRIBE' },
    { ...good, ':path': '/x HTTP/1.1' },
    { ...good, ':path': ' /x' },
    { ...good, ':path': '/x\ty' },
    { ...good, ':path': 'x' },
    { ...good, ':path': '*' },
    { ...good, ':path': `https://${host}/x` },
    { ...good, ':path': '/x#a' },
  ];
  for (const headers of bad) {
    house.forget();
    const answer = await sendHttp2(raw, headers);
    t.ok(answer.isReset || answer.status >= 400, `${JSON.stringify(headers)}: ${answer.status}`);
    t.equal(recorder.bytes(), '', 'nothing reaches the upstream');
  }
  house.forget();
  t.equal((await sendHttp2(raw, good)).status, 200);
  await eventually('the neighbour to arrive', () => recorder.requests.length === 1);
});
