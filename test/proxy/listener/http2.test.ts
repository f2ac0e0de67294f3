import { connect as connectHttp2 } from 'node:http2';
import t from 'tap';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

t.test('HTTP/2 is as strict as HTTP/1.1', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, entries, raw, port } = gateway;
  const { cookie } = await gateway.signIn();
  const authority = `echo.localhost:${port}`;
  const base = { ':method': 'GET', ':path': '/x', ':authority': authority, ':scheme': 'https', cookie };

  const refused: [row: string, headers: Record<string, string | string[]>, status: number, reason?: string][] = [
    ['T2 host differs from :authority', { ...base, host: 'open.localhost' }, 400, 'host_mismatch'],
    ['T1 bad :authority', { ...base, ':authority': 'good@echo.localhost' }, 400, 'host_syntax'],
    ['T4 trailing dot', { ...base, ':authority': 'echo.localhost.' }, 400, 'host_syntax'],
    ['T12 unknown', { ...base, ':authority': 'attacker.example' }, 421, 'misdirected'],
    ['H2 underscore', { ...base, x_knot_user: 'evil' }, 400, 'header_name'],
    ['S11 empty path', { ...base, ':path': '' }, 400, 'target_form'],
    ['S11 path without slash', { ...base, ':path': 'x' }, 400, 'target_form'],
    ['S11 path with a space', { ...base, ':path': '/a b' }, 400, 'target_bytes'],
    ['P14 absolute path', { ...base, ':path': 'https://echo.localhost/x' }, 400, 'target_form'],
    ['P16 method', { ...base, ':method': 'PROPFIND' }, 405, 'method_not_allowed'],
    ['S8 expectation', { ...base, expect: 'nonsense' }, 417, 'expectation'],
    [
      'D2 101 headers',
      { ...base, ...Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-a${index}`, 'b'])) },
      431,
      'too_many_headers',
    ],
    ['C2 40 KB of cookies', { ...base, cookie: `a=${'b'.repeat(40_000)}` }, 431, 'headers_too_large'],
  ];
  for (const [name, headers, status, reason] of refused) {
    await t.test(name, async (t) => {
      recorder.reset();
      entries.length = 0;
      const answer = await sendHttp2(raw, headers);
      t.equal(recorder.bytes(), '');
      if (answer.status === 0) return t.ok(answer.isReset, 'refused by the protocol itself');
      t.equal(answer.status, status);
      t.equal(entries.at(-1)?.reason, reason);
    });
  }

  await t.test('S11 fields of HTTP/1 framing are no part of HTTP/2', async (t) => {
    recorder.reset();
    for (const [name, value] of [
      ['transfer-encoding', 'chunked'],
      ['connection', 'close'],
    ] as const) {
      const answer = await sendHttp2(raw, { ...base, [name]: value }).catch(() => ({ status: 0 }));
      t.not(answer.status, 200, name);
    }
    const short = await sendHttp2(
      raw,
      { ...base, ':method': 'PUT', origin: `https://${authority}`, 'content-length': '10' },
      'abc',
    ).catch(() => ({ status: 0 }));
    t.not(short.status, 200, 'content-length and DATA differ');
    t.equal(recorder.requests.length, 0, 'no whole request reaches the upstream');
    await sendHttp2(raw, { ...base, 'x-a': 'b\r\nx-evil: 1' }).catch(() => undefined);
    t.notMatch(recorder.bytes(), /evil/);
  });

  await t.test('W10 an extended CONNECT and a plain one are refused', async (t) => {
    recorder.reset();
    const answer = await sendHttp2(raw, { ':method': 'CONNECT', ':authority': authority, cookie }).catch(() => ({
      status: 0,
    }));
    t.ok([0, 400, 405, 501].includes(answer.status));
    t.equal(recorder.bytes(), '');
  });

  await t.test('neighbours: host equal to :authority, bodies and trailers', async (t) => {
    t.equal((await sendHttp2(raw, { ...base, host: authority })).status, 200);
    recorder.reset();
    const put = { ...base, ':method': 'PUT', origin: `https://${authority}` };
    t.equal((await sendHttp2(raw, put, 'hello')).status, 200);
    t.equal(recorder.requests[0]?.body, 'hello');
    recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n');
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: raw.ca, servername: 'localhost' });
    const stream = session.request(base);
    const trailers = new Promise<Record<string, unknown>>((resolve) => stream.once('trailers', resolve));
    stream.resume();
    t.match(await trailers, { 'x-sum': '42' });
    session.close();
  });

  await t.test('an early answer does not disturb the other streams', async (t) => {
    recorder.reset();
    recorder.answerWith(({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: raw.ca, servername: 'localhost' });
    const ask = (path: string, own: string) =>
      new Promise<string>((resolve) => {
        const stream = session.request({ ...base, ':path': path, cookie: own });
        let text = '';
        stream.on('data', (data: Buffer) => (text += data.toString()));
        stream.on('error', () => resolve('reset'));
        stream.on('end', () => resolve(text));
      });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => ask(`/s${index}`, index % 3 === 0 ? 'a=1' : cookie)),
    );
    answers.forEach((text, index) => {
      if (index % 3 === 0) t.match(text, /KNOT_PROXY_UNAUTHENTICATED/);
      else t.equal(text, `/s${index}`);
    });
    session.close();
  });

  await t.test('D1 a flood of resets ends its own connection, and others are served', async (t) => {
    recorder.reset();
    recorder.answerWith(() => undefined);
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: raw.ca, servername: 'localhost' });
    let isClosed = false;
    session
      .on('error', () => undefined)
      .on('close', () => (isClosed = true))
      .on('goaway', () => (isClosed = true));
    for (let round = 0; round < 100 && !isClosed; round++) {
      for (let index = 0; index < 100 && !isClosed && !session.destroyed; index++) {
        const stream = session.request(base);
        stream.on('error', () => undefined);
        stream.close(8);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const other = await sendRaw(
      raw,
      `GET /other HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    );
    t.equal(other.status, 200);
    session.destroy();
    await eventually('every exchange is over', () => gateway.proxy.counts().requests === 0);
  });
});
