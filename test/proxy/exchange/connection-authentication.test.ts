import { connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { openRaw, readAnswer, sendHttp2 } from '../../support/net/raw-client.ts';
import { type Gateway, openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

/** An application that authenticates connections: two steps of a scheme, then every request on the connection is that person's. */
function authenticateConnections(
  { recorder }: Gateway,
  scheme = 'NTLM',
  fields = (step: string) => `WWW-Authenticate: ${step}\r\n`,
) {
  const people = new WeakMap<Socket, string>();
  const open = new Set<Socket>();
  recorder.answerWith((request, socket) => {
    if (!open.has(socket)) {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    }
    const [, step] = /^[\s,]*\S+\s+(\S+)/.exec(request.headers.get('authorization')?.[0] ?? '') ?? [];
    const answer = (status: string, text: string, more = '') =>
      `HTTP/1.1 ${status}\r\n${more}Content-Length: ${text.length}\r\n\r\n${text}`;
    if (step === 'TYPE1') return answer('401 Unauthorized', 'go on', fields(`${scheme} TYPE2`));
    if (step !== undefined) people.set(socket, step);
    const person = people.get(socket);
    if (person === undefined) return answer('401 Unauthorized', 'who?', fields(scheme));
    return answer('200 OK', `you are ${person}`, step === undefined ? '' : fields(`${scheme} FINAL`));
  });
  return { open };
}

/** One connection of a client, which asks one thing after another. */
async function openClient(gateway: Gateway, host = 'echo.localhost') {
  const socket: TLSSocket = await openRaw(gateway.raw);
  return {
    socket,
    async ask(cookie: string, authorization = '', more = '', line = 'GET /x HTTP/1.1') {
      const own = cookie === '' ? '' : `Cookie: ${cookie}\r\n`;
      const answer = readAnswer(socket);
      const credentials = authorization === '' ? '' : `Authorization: ${authorization}\r\n`;
      socket.write(`${line}\r\nHost: ${host}\r\n${own}${credentials}${more}\r\n`);
      return await answer;
    },
  };
}

t.test('whoever authenticates a connection has it alone', async (t) => {
  const gateway = await openGateway(t);
  const ann = (await gateway.signIn()).cookie;
  const bob = (await gateway.signIn()).cookie;
  const { recorder } = gateway;
  t.beforeEach(() => recorder.reset());

  await t.test('the handshake of one client works from end to end, and nobody else is taken for her', async (t) => {
    const upstream = authenticateConnections(gateway);
    const client = await openClient(gateway);
    t.match(await client.ask(ann), { status: 401, body: 'who?' });
    t.match(await client.ask(ann, 'NTLM TYPE1'), { status: 401, body: 'go on' });
    t.match(await client.ask(ann, 'NTLM ANN'), { status: 200, body: 'you are ANN' });
    t.match(await client.ask(ann), { status: 200, body: 'you are ANN' }, 'and stays hers without further credentials');
    const other = await openClient(gateway);
    t.match(await other.ask(bob), { status: 401, body: 'who?' }, 'another session');
    t.match(await other.ask(ann), { status: 401, body: 'who?' }, 'another connection of the same session');
    t.match(await client.ask(ann), { status: 200, body: 'you are ANN' });
    client.socket.destroy();
    await eventually(
      'the connections that were asked for credentials to end with their clients',
      () => upstream.open.size === 0,
    );
    other.socket.destroy();
  });

  await t.test('another session on the same connection of a client does not get it', async (t) => {
    authenticateConnections(gateway);
    const client = await openClient(gateway);
    await client.ask(ann, 'NTLM TYPE1');
    await client.ask(ann, 'NTLM ANN');
    t.match(await client.ask(bob), { status: 401, body: 'who?' });
    t.match(await client.ask(ann), { status: 401, body: 'who?' }, 'nor the first one again');
    client.socket.destroy();
  });

  await t.test('however the client and the application spell it', async (t) => {
    const spellings: [scheme: string, authorization: string, fields?: (step: string) => string][] = [
      ['Negotiate', 'Negotiate'],
      ['Negotiate', 'negotiate'],
      ['NTLM', 'nTlM'],
      ['NTLM', 'NTLM\t'],
      ['Kerberos', 'Kerberos'],
      ['NTLM', 'NTLM', () => ''],
      ['X-Own', 'X-Own', (step) => `Persistent-Auth: true\r\nWWW-Authenticate: ${step}\r\n`],
      ['X-Own', 'X-Own', (step) => `WWW-Authenticate: Basic realm="a, b"\r\nwww-authenticate: ${step},\tnegotiate\r\n`],
      ['X-Own', 'X-Own', (step) => `Proxy-Authenticate: NTLM\r\nWWW-Authenticate: ${step}\r\n`],
      ['NTLM', 'NTLM', (step) => `WWW-Authenticate: Digest realm="NTLM, \\"x", nonce=1,${step}\r\n`],
    ];
    for (const [scheme, authorization, fields] of spellings) {
      recorder.reset();
      authenticateConnections(gateway, scheme, fields);
      const client = await openClient(gateway);
      await client.ask(ann, `${authorization} TYPE1`);
      t.match(await client.ask(ann, `${authorization} ANN`), { status: 200, body: 'you are ANN' }, scheme);
      for (let tries = 0; tries < 3; tries += 1) {
        const other = await openClient(gateway);
        t.match(await other.ask(bob), { status: 401, body: 'who?' }, `${scheme} ${fields?.('STEP') ?? ''}`);
        other.socket.destroy();
      }
      t.match(await client.ask(ann), { status: 200, body: 'you are ANN' }, scheme);
      client.socket.destroy();
    }
  });

  await t.test('neighbour: what is stateless is shared as before', async (t) => {
    recorder.answerWith(
      () => 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 2\r\n\r\nno',
    );
    const before = recorder.connections();
    for (const authorization of ['', 'Basic NTLM', 'Bearer negotiate', 'token ntlm', 'NTLMish x']) {
      const client = await openClient(gateway);
      t.equal((await client.ask(ann, authorization)).status, 401);
      client.socket.destroy();
    }
    t.ok(recorder.connections() - before <= 1, 'one connection for all of them');
  });

  await t.test('also where the requests are read by the other parser', async (t) => {
    authenticateConnections(gateway);
    const client = await openClient(gateway);
    const late = 'TE: trailers\r\n';
    await client.ask(ann, 'NTLM TYPE1', late);
    t.match(await client.ask(ann, 'NTLM ANN', late), { status: 200, body: 'you are ANN' });
    t.match(await client.ask(ann, '', late), { status: 200, body: 'you are ANN' });
    const other = await openClient(gateway);
    t.match(await other.ask(bob, '', late), { status: 401, body: 'who?' });
    client.socket.destroy();
    other.socket.destroy();
  });

  await t.test('event streams, and an answer that came to its end by the end of its connection', async (t) => {
    authenticateConnections(gateway);
    const events = 'Accept: text/event-stream\r\n';
    const client = await openClient(gateway);
    await client.ask(ann, 'NTLM TYPE1', events);
    t.match(await client.ask(ann, 'NTLM ANN', events), { status: 200, body: 'you are ANN' });
    const other = await openClient(gateway);
    t.match(await other.ask(bob, '', events), { status: 401, body: 'who?' });
    client.socket.destroy();
    other.socket.destroy();
  });

  await t.test('a WebSocket that is refused leaves no connection behind', async (t) => {
    const { open } = authenticateConnections(gateway);
    const client = await openClient(gateway);
    const origin = gateway.address.originOf('echo.localhost');
    const upgrade =
      `Origin: ${origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;
    t.match(await client.ask(ann, 'NTLM TYPE1', upgrade), { status: 401, body: 'go on', isClosed: true });
    await eventually('the connection to be closed', () => open.size === 0);
    const other = await openClient(gateway);
    t.match(await other.ask(bob), { status: 401, body: 'who?' });
    other.socket.destroy();
  });

  await t.test('without a session: kept for one connection of a client, on one host', async (t) => {
    authenticateConnections(gateway);
    const client = await openClient(gateway);
    const token = 'GET /tokens/x HTTP/1.1';
    await client.ask('', 'NTLM TYPE1', '', token);
    t.match(await client.ask('', 'NTLM ANN', '', token), { status: 200, body: 'you are ANN' });
    t.match(await client.ask('', '', '', token), { status: 200, body: 'you are ANN' });
    const other = await openClient(gateway);
    t.match(await other.ask('', '', '', token), { status: 401, body: 'who?' });
    other.socket.destroy();
    t.match(await client.ask(bob), { status: 401, body: 'who?' }, 'nor with a session');
    client.socket.destroy();
  });

  await t.test('an HTTP/2 client is asked to come over HTTP/1.1', async (t) => {
    authenticateConnections(gateway);
    for (const [own, reaches] of [
      [{}, 1],
      [{ authorization: 'NTLM TYPE1' }, 0],
      [{ authorization: 'negotiate ANN' }, 0],
    ] as const) {
      const before = recorder.requests.length;
      const session = connectHttp2(`https://127.0.0.1:${gateway.port}`, {
        ca: gateway.raw.ca,
        servername: 'localhost',
      });
      session.on('error', () => undefined);
      const stream = session.request({ ':path': '/x', ':authority': 'echo.localhost', cookie: ann, ...own });
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.on('close', resolve));
      t.equal(stream.rstCode, constants.NGHTTP2_HTTP_1_1_REQUIRED);
      t.equal(recorder.requests.length - before, reaches);
      session.destroy();
    }
    const other = await openClient(gateway);
    t.match(await other.ask(bob), { status: 401, body: 'who?' });
    other.socket.destroy();
    await eventually('the access line', () => gateway.entries.some(({ reason }) => reason === 'http1_required'));
    recorder.answerWith(
      () => 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 2\r\n\r\nno',
    );
    const basic = await sendHttp2(gateway.raw, { ':path': '/x', ':authority': 'echo.localhost', cookie: ann });
    t.match(basic, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }, 'neighbour');
  });
});

t.test('somebody without a session behind a proxy has no connection of their own', async (t) => {
  const gateway = await openGateway(t, { trustedProxies: ['127.0.0.0/8'] });
  authenticateConnections(gateway);
  const proxy = await openClient(gateway);
  const token = 'GET /tokens/x HTTP/1.1';
  const from = (address: string): string => `X-Forwarded-For: ${address}\r\n`;
  await proxy.ask('', 'NTLM TYPE1', from('203.0.113.1'), token);
  t.match(await proxy.ask('', 'NTLM ANN', from('203.0.113.1'), token), { status: 200, body: 'you are ANN' });
  t.match(await proxy.ask('', '', from('203.0.113.2'), token), { status: 401, body: 'who?' });
  t.match(await proxy.ask('', '', from('203.0.113.1'), token), { status: 401, body: 'who?' });
  proxy.socket.destroy();
});

t.test('towards an HTTP/2 upstream such authentication is taken out', async (t) => {
  const received: (string | undefined)[] = [];
  let challenges: string[] = [];
  const upstream = createHttp2Server((request, response) => {
    received.push(request.headers.authorization);
    response.writeHead(401, { 'www-authenticate': challenges });
    response.end('no');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const sockets = new Set<Socket>();
  upstream.on('session', (session) => sockets.add(session.socket));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    upstream.close();
  });
  const gateway = await openGateway(t, {
    route: (route) => ({ ...route, upstream: { ...route.upstream, port, http2: true } }),
  });
  const { cookie } = await gateway.signIn();
  const rows: [sent: string[], seen: string[] | undefined][] = [
    [['NTLM', 'Negotiate'], undefined],
    [
      ['Negotiate YII=, Basic realm="a, \\"NTLM\\" b", charset="UTF-8"'],
      ['Basic realm="a, \\"NTLM\\" b", charset="UTF-8"'],
    ],
    [['Basic realm="x" , NTLM , Digest realm="y", nonce="1"'], ['Basic realm="x", Digest realm="y", nonce="1"']],
    [['Basic realm="x", negotiate a="1", b=2'], ['Basic realm="x"']],
    [['NTLM realm="x", Negotiate', 'Bearer scope="a"'], ['Bearer scope="a"']],
    [['Basic realm="not ended, NTLM'], undefined],
    [['Basic realm="x"'], ['Basic realm="x"']],
  ];
  for (const [sent, seen] of rows) {
    challenges = sent;
    const client = await openClient(gateway);
    const answer = await client.ask(cookie, 'NTLM TYPE1');
    t.equal(answer.status, 401);
    t.strictSame(answer.headers.get('www-authenticate'), seen, sent.join(' | '));
    client.socket.destroy();
  }
  t.strictSame(
    received,
    rows.map(() => undefined),
    'nor do such credentials arrive',
  );
  const client = await openClient(gateway);
  await client.ask(cookie, 'Basic abc');
  t.equal(received.at(-1), 'Basic abc', 'neighbour');
  client.socket.destroy();
});
