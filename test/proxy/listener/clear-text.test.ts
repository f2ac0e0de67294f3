import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';
import { eventually } from '../../support/eventually.ts';

t.test('what is not TLS on the port of https is told so, and holds nothing', async (t) => {
  const gateway = await openGateway(t, { limits: { headersMs: 700 } });
  const { port } = gateway;
  /** Everything that comes back on a plain connection until it ends. */
  const say = (pieces: string[]): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (data) => (text += data.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
      socket.on('connect', () => {
        for (const piece of pieces) socket.write(Buffer.from(piece, 'latin1'));
      });
    });
  const address = `https://localhost:${port}/`;

  await t.test('plain HTTP gets the right address, never the one it brought', async (t) => {
    for (const line of [
      'GET / HTTP/1.1',
      'HEAD /x HTTP/1.0',
      'OPTIONS * HTTP/1.1',
      'DELETE /x HTTP/1.1',
      'PROPFIND / HTTP/1.1',
      'CONNECT a:1 HTTP/1.1',
    ]) {
      const text = await say([`${line}\r\nHost: "><script>.evil.example\r\nAccept: text/html\r\n\r\n`]);
      t.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/, line);
      t.match(text, `<a href="${address}">`);
      t.match(text, /\r\nconnection: close\r\n/);
      t.notMatch(text, /evil|script/);
      const [head, body] = text.split('\r\n\r\n');
      t.equal(Number(/content-length: (\d+)/.exec(head!)![1]), body!.length);
    }
    t.match(await say(['POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc']), /^HTTP\/1\.1 400 /);
  });

  await t.test('beginnings of it, and garbage, end within the time of a handshake', async (t) => {
    for (const text of ['G', 'GE', '\x16', '\x16\x03', '\0', '']) t.equal(await say([text]), '', JSON.stringify(text));
    await say(['SSH-2.0-OpenSSH_9.9\r\n']);
    await say(['\0'.repeat(40)]);
    const broken = await say([`\x16\x03\x01\x00\x05${'\xff'.repeat(40)}`]);
    t.notMatch(broken, /HTTP/, 'what began as TLS is answered as TLS');
    const count = () =>
      new Promise<number>((resolve) => gateway.edge.server.getConnections((_error, open) => resolve(open)));
    let open = await count();
    await eventually('every connection to end', () => {
      void count().then((now) => (open = now));
      return open === 0;
    });
  });

  await t.test('an unknown name ends the handshake with the alert that says so (RFC 6066 section 3)', async (t) => {
    for (const servername of ['attacker.example', 'a.b.localhost', 'nothing.localhost']) {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const error = await new Promise<Error & { code?: string }>((resolve) => {
          const socket = connectTls({ port, host: '127.0.0.1', servername, minVersion: version, maxVersion: version });
          socket.on('error', resolve);
          socket.on('secureConnect', () => resolve(new Error('it was accepted')));
        });
        t.match(error, { code: /UNRECOGNIZED_NAME/ }, `${servername} by ${version}: ${error.message}`);
      }
    }
  });

  await t.test('neighbour: TLS with a known name is served', async (t) => {
    const { cookie } = await gateway.signIn();
    const answer = await sendRaw(gateway.raw, `GET /x HTTP/1.1\r\nHost: echo.localhost\r\nCookie: ${cookie}\r\n\r\n`);
    t.equal(answer.status, 200);
  });
});
