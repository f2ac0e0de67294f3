import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { openRaw, readAnswer, sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

t.test('answers of an upstream', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, raw, port } = gateway;
  const { cookie } = await gateway.signIn();
  const origin = gateway.address.originOf('echo.localhost');
  const get = (path = '/x', method = 'GET', fields = '') =>
    sendRaw(
      raw,
      `${method} ${path} HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`,
    );
  const get2 = (path = '/x', method = 'GET') =>
    sendHttp2(raw, { ':method': method, ':path': path, ':authority': `echo.localhost:${port}`, cookie });
  const answers = (head: string, body = '') => recorder.answerWith(() => `HTTP/1.1 ${head}\r\n\r\n${body}`);
  t.beforeEach(() => recorder.reset());

  await t.test('H17 hop-by-hop fields end at the gateway', async (t) => {
    answers(
      '200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nAlt-Svc: h3=":1"\r\n' +
        'Strict-Transport-Security: max-age=1\r\nX-App: kept\r\nContent-Length: 2',
      'ok',
    );
    for (const bytes of [(await get()).bytes, JSON.stringify((await get2()).headers)]) {
      t.notMatch(bytes, /x-hop|timeout=9|proxy-authenticate|alt-svc|strict-transport/i);
      t.match(bytes, /x-app/i);
    }
  });

  await t.test('H17 H18 each of these names ends at the gateway by itself', async (t) => {
    const names = [
      'HTTP2-Settings',
      'Proxy-Connection',
      'Proxy-Authenticate',
      'Proxy-Authentication-Info',
      'TE',
      'Trailer',
    ];
    names.push('Upgrade', 'Alt-Svc', 'Strict-Transport-Security', 'Public-Key-Pins', 'X-Accel-Redirect', 'X-Sendfile');
    names.push('Keep-Alive', 'X-Knot-User', 'X-Knot-Anything');
    for (const name of names) {
      answers(`200 OK\r\nX-Before: 1\r\n${name}: not-for-clients\r\nX-After: 1\r\nContent-Length: 2`, 'ok');
      const { bytes, headers } = await get();
      t.notMatch(bytes, /not-for-clients/, name);
      t.strictSame([headers.get('x-before'), headers.get('x-after')], [['1'], ['1']], 'and nothing else does');
      const { status, headers: overHttp2 } = await get2();
      t.equal(status, 200);
      t.notMatch(JSON.stringify(overHttp2), /not-for-clients/, `${name} over HTTP/2`);
    }
  });

  await t.test('H18 an upstream speaks for its own host only', async (t) => {
    answers(
      '200 OK\r\nX-Knot-User: evil\r\nSet-Cookie: __Host-knot=evil; Path=/; Secure\r\nSet-Cookie: __HOST-KNOT-handoff=x\r\nSet-Cookie: a=1; Domain=localhost\r\n' +
        'Set-Cookie: b=1; domain = .LOCALHOST ; Path=/\r\nSet-Cookie: c=1; Domain=open.localhost\r\nSet-Cookie: d=1; Domain=.echo.localhost\r\n' +
        'Set-Cookie: e="x; y"; Path=/; HttpOnly\r\nClear-Site-Data: "*"\r\nContent-Length: 2',
      'ok',
    );
    const { headers } = await get();
    t.strictSame(headers.get('set-cookie'), ['d=1; Domain=.echo.localhost', 'e="x; y"; Path=/; HttpOnly']);
    t.notOk(headers.has('x-knot-user'));
    t.strictSame(headers.get('clear-site-data'), ['"cache", "storage"']);
    answers('200 OK\r\nClear-Site-Data: "cookies"\r\nContent-Length: 0');
    t.notOk((await get()).headers.has('clear-site-data'));
  });

  await t.test('U5 a redirect to its own address becomes the public one, others stay', async (t) => {
    const own = `http://127.0.0.1:${recorder.port}`;
    const cases: [sent: string, seen: string][] = [
      [`${own}/a?b#c`, `${origin}/a?b#c`],
      [own, origin],
      [`http://echo.localhost:${port}/x`, `${origin}/x`],
      [`${own}1/a`, `${own}1/a`],
      [`${own}@evil/`, `${own}@evil/`],
      ['https://elsewhere.example/x', 'https://elsewhere.example/x'],
      ['//evil/x', '//evil/x'],
      ['/local?x', '/local?x'],
      ['relative', 'relative'],
    ];
    for (const [sent, seen] of cases) {
      answers(`302 Found\r\nLocation: ${sent}\r\nContent-Length: 0`);
      t.strictSame((await get()).headers.get('location'), [seen], sent);
    }
  });

  await t.test('U5 so do all other addresses that an upstream tells a browser', async (t) => {
    const own = `http://127.0.0.1:${recorder.port}`;
    const other = 'http://other.example';
    const cases: [name: string, sent: string, seen: string][] = [
      ['Location', `${own.slice(5)}/a`, `${origin}/a`],
      ['Location', own.toUpperCase(), origin],
      ['Content-Location', `${own}/a`, `${origin}/a`],
      ['SourceMap', `${own}/a.map`, `${origin}/a.map`],
      ['Refresh', `5; url=${own}/a`, `5; url=${origin}/a`],
      ['Refresh', `0;URL = "${own}/a?b"`, `0;URL = "${origin}/a?b"`],
      ['Refresh', `0, '${own}/a' x`, `0, '${origin}/a' x`],
      ['Refresh', `0.5 ${own}`, `0.5 ${origin}`],
      ['Refresh', `3;url=${other}/?next=${own}/a`, `3;url=${other}/?next=${own}/a`],
      ['Refresh', '5; url=/local', '5; url=/local'],
      ['Refresh', '5', '5'],
      [
        'Link',
        `<${own}/a>; rel=next, <${other}/b>; rel=prev,<${own}/c,d>;rel="x"`,
        `<${origin}/a>; rel=next, <${other}/b>; rel=prev,<${origin}/c,d>;rel="x"`,
      ],
      [
        'Link',
        `</a>; title="<${own}/x>, \\"${own}"; anchor="${own}/y"`,
        `</a>; title="<${own}/x>, \\"${own}"; anchor="${origin}/y"`,
      ],
      ['Link', `<${own}/not-ended`, `<${origin}/not-ended`],
      ['Link', `</a>; title="not ended <${own}>`, `</a>; title="not ended <${own}>`],
      ['Reporting-Endpoints', `main="${own}/r", b="${other}/r"`, `main="${origin}/r", b="${other}/r"`],
      ['Report-To', `{"endpoints":[{"url":"${own}/r"}]}`, `{"endpoints":[{"url":"${origin}/r"}]}`],
      ['Access-Control-Allow-Origin', own, origin],
      ['Access-Control-Allow-Origin', other, other],
      ['WWW-Authenticate', `Bearer realm="${own}/token",service="x"`, `Bearer realm="${origin}/token",service="x"`],
      ['WWW-Authenticate', `Digest realm="${own}/"`, `Digest realm="${own}/"`],
      ['X-Other', `${own}/a`, `${own}/a`],
    ];
    for (const [name, sent, seen] of cases) {
      answers(`200 OK\r\n${name}: ${sent}\r\nContent-Length: 0`);
      t.strictSame((await get()).headers.get(name.toLowerCase()), [seen], `${name}: ${sent}`);
      t.equal((await get2()).headers[name.toLowerCase()], seen, `${name} over HTTP/2`);
    }
    recorder.answerWith(
      () =>
        `HTTP/1.1 103 Early Hints\r\nLink: <${own}/a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
    );
    t.match((await get()).bytes, `link: <${origin}/a.css>; rel=preload\r\n`, 'in a hint too');
    answers(`200 OK\r\nLink: ${'"\\'.repeat(30_000)}//\r\nRefresh: ${'0;'.repeat(20_000)}//\r\nContent-Length: 0`);
    t.equal((await get()).status, 200, 'whatever is in them');
  });

  await t.test('statuses, texts and fields without a body arrive as they are', async (t) => {
    answers('418 Short And Stout\r\nX-Latin: caf\xe9\r\nContent-Length: 0');
    const { bytes, headers } = await get();
    t.match(bytes, /^HTTP\/1\.1 418 Short And Stout\r\n/);
    t.strictSame(headers.get('x-latin'), ['caf\xe9']);
    for (const status of ['204 No Content', '304 Not Modified\r\nETag: "x"']) {
      answers(status);
      t.equal((await get()).status, Number(status.slice(0, 3)));
      t.equal((await get2()).status, Number(status.slice(0, 3)));
    }
    answers('200 OK\r\nContent-Length: 5');
    const head = await get('/x', 'HEAD');
    t.equal(head.status, 200);
    t.strictSame(head.headers.get('content-length'), ['5']);
    answers('206 Partial Content\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2', 'el');
    t.match(await get('/x', 'GET', 'Range: bytes=1-2\r\n'), { status: 206, body: 'el' });
  });

  await t.test('chunked answers, trailers and 103 pass', async (t) => {
    recorder.answerWith(
      () =>
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
        '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n',
    );
    const socket = await openRaw(raw);
    let bytes = '';
    socket.on('data', (chunk: Buffer) => (bytes += chunk.toString('latin1')));
    socket.write(`GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await eventually('the trailer', () => bytes.endsWith('\r\n\r\n') && /42/.test(bytes));
    t.match(bytes, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/i);
    t.match(bytes, /hello\r\n0\r\nx-sum: 42\r\n\r\n$/i);
    socket.destroy();
  });

  await t.test('U6 no content type is looked at', async (t) => {
    for (const type of ['application/json ; x', 'foo', 'text/plain;', '']) {
      recorder.reset();
      await sendRaw(
        raw,
        `POST /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\nContent-Type: ${type}\r\nContent-Length: 4\r\nConnection: close\r\n\r\n{"a"`,
      );
      t.equal(recorder.requests[0]?.body, '{"a"', type);
    }
  });

  await t.test(
    'S10 D8 a broken answer becomes our page or a cut stream, and its connection is not used again',
    async (t) => {
      const broken: [name: string, bytes: string][] = [
        ['not HTTP', 'hello\r\n\r\n'],
        ['status 999', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'],
        ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!'],
        [
          'length and chunked',
          'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
        ],
        ['header of 1 MiB', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(1 << 20)}\r\n\r\n`],
        ['NUL in a header', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
        ['unasked upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
      ];
      for (const [name, bytes] of broken) {
        recorder.answerWith(() => bytes);
        for (const answer of [await get(), await get2()]) {
          t.equal(answer.status, 502, name);
          t.notMatch(answer.body, /127\.0\.0\.1|HPE_|Error/, 'nothing internal');
        }
      }
      recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
      const cut = await get();
      t.ok(cut.isClosed, 'a broken chunk cuts the stream');
      t.notMatch(cut.bytes, /0\r\n\r\n$/, 'without the mark of a complete answer');
      recorder.answerWith((_request, socket) => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
        return undefined;
      });
      t.ok((await get()).isClosed, 'a short body cuts the stream');
      recorder.answerWith(
        () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      );
      t.equal((await get()).body, 'ok');
      recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext');
      t.equal((await get()).body, 'next', 'nobody gets what was sent behind it');
    },
  );

  await t.test('S8 an early answer ends the exchange, not the process', async (t) => {
    recorder.answerWith(() => undefined);
    const socket = await openRaw(raw);
    const answer = readAnswer(socket);
    socket.write(
      `POST /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\nContent-Length: 1000000\r\n\r\n${'a'.repeat(1000)}`,
    );
    await eventually('the beginning of the body', () => recorder.bytes().length > 1000);
    t.match(recorder.bytes(), /content-length: 1000000/i);
    socket.destroy();
    await answer;
    await eventually('the exchange is over', () => gateway.proxy.counts().requests === 0);
  });

  await t.test(
    'S8 an answer that comes before the body was read reaches the client, over both protocols',
    async (t) => {
      recorder.answerWith(() => undefined);
      const early = createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig'));
      });
      await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve));
      t.teardown(() => void early.close());
      const { port: earlyPort } = early.address() as AddressInfo;
      await gateway.setRoutes(
        { ...gateway.echo, upstream: { ...gateway.echo.upstream, port: earlyPort } },
        gateway.open,
      );
      const body = 'a'.repeat(3_000_000);
      const answer = await sendRaw(
        raw,
        `PUT /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      t.match(answer, { status: 413, body: 'big', isClosed: true });
      const http2 = await sendHttp2(
        raw,
        { ':method': 'PUT', ':path': '/x', ':authority': 'echo.localhost', cookie, origin },
        body,
      );
      t.match(http2, { status: 413, body: 'big' });
      await gateway.setRoutes(gateway.echo, gateway.open);
      await eventually('both exchanges are over', () => gateway.proxy.counts().requests === 0);
    },
  );

  await t.test('a request is tried again once, and only when it is safe and no byte came back', async (t) => {
    let tries = 0;
    const failOnce = (): void => {
      tries = 0;
      recorder.answerWith((_request, socket) => {
        tries += 1;
        if (tries > 1) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
        socket.destroy();
        return undefined;
      });
    };
    failOnce();
    t.equal((await get()).status, 200, 'GET');
    t.equal(tries, 2);
    failOnce();
    const post = await sendRaw(
      raw,
      `POST /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nOrigin: ${origin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    t.equal(post.status, 502, 'POST');
    t.equal(tries, 1);
    recorder.answerWith((_request, socket) => void (tries++, socket.destroy()));
    tries = 0;
    t.equal((await get()).status, 502, 'not for ever');
    t.equal(tries, 2);
  });

  await t.test('503 of an upstream is not tried again', async (t) => {
    answers('503 Busy\r\nRetry-After: 1\r\nContent-Length: 0');
    t.equal((await get()).status, 503);
    t.equal(recorder.requests.length, 1);
  });

  await t.test('a client that leaves ends the request upstream', async (t) => {
    let closed = 0;
    recorder.answerWith((_request, socket) => {
      socket.once('close', () => (closed += 1));
      return undefined;
    });
    const socket = await openRaw(raw);
    socket.write(`GET /slow HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await eventually('the request', () => recorder.requests.length === 1);
    socket.destroy();
    await eventually('the upstream connection to close', () => closed === 1);
    await eventually('the exchange is over', () => gateway.proxy.counts().requests === 0);
    t.equal(gateway.entries.at(-1)?.status, 499);
  });
});

t.test('U4 a dead, silent or busy upstream is a calm page without addresses', async (t) => {
  const gateway = await openGateway(t, {
    limits: { firstByteMs: 1_200, requestsPerUpstream: 2, queuePerUpstream: 1, queueMs: 200 },
  });
  const { cookie } = await gateway.signIn();
  const get = (accept: string, port = gateway.port) =>
    sendRaw(
      { ...gateway.raw, port },
      `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`,
    );

  gateway.recorder.answerWith(() => undefined);
  const waiting = [get('text/html'), get('text/html')];
  await eventually('both slots are taken', () => gateway.recorder.requests.length === 2);
  const [queued, refused] = [get('application/json'), get('application/json')];
  t.equal((await refused).status, 503, 'D6 the queue is bounded');
  t.equal((await queued).status, 503, 'D6 and so is the wait in it');
  for (const answer of await Promise.all(waiting)) {
    t.equal(answer.status, 504);
    t.match(answer.body, /<h1>/);
    t.notMatch(answer.body, /127\.0\.0\.1|UND_ERR/);
  }
  await gateway.setRoutes({ ...gateway.echo, upstream: { ...gateway.echo.upstream, port: 1 } });
  for (const accept of ['text/html', 'application/json']) {
    const answer = await get(accept);
    t.equal(answer.status, 502);
    t.match(answer.body, accept === 'text/html' ? /<h1>/ : /KNOT_PROXY_UPSTREAM_UNREACHABLE/);
    t.notMatch(answer.body, /127\.0\.0\.1|ECONN/);
  }
});

t.test('D6 open event streams never starve a plain request', async (t) => {
  const gateway = await openGateway(t, { limits: { requestsPerUpstream: 2 } });
  const { cookie } = await gateway.signIn();
  gateway.recorder.answerWith(({ target }) =>
    target === '/events'
      ? 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const request = (path: string, fields = '') =>
    `GET ${path} HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n${fields}\r\n`;
  const streams = await Promise.all(Array.from({ length: 20 }, () => openRaw(gateway.raw)));
  let events = 0;
  for (const stream of streams) {
    stream.on('data', (chunk: Buffer) => (events += /data: 1/.test(chunk.toString()) ? 1 : 0));
    stream.write(request('/events', 'Accept: text/event-stream\r\n'));
  }
  await eventually('every stream got its first event at once', () => events === 20);
  t.equal((await sendRaw(gateway.raw, request('/x'))).body, 'ok');
  for (const stream of streams) stream.destroy();
});
