import t from 'tap';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

t.test('no field of an upstream harms the process, whatever the client speaks', async (t) => {
  const gateway = await openGateway(t);
  const { recorder, raw, port } = gateway;
  const { cookie } = await gateway.signIn();
  const authority = `echo.localhost:${port}`;
  const get = () =>
    sendRaw(raw, `GET /x HTTP/1.1\r\nHost: ${authority}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  const get2 = () => sendHttp2(raw, { ':method': 'GET', ':path': '/x', ':authority': authority, cookie });

  const heads: [name: string, fields: string][] = [
    ['Http2-Settings', 'HTTP2-Settings: AAMAAABk\r\n'],
    ['two of X-Content-Type-Options', 'X-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\n'],
    ['two of Content-Type', 'Content-Type: text/plain\r\nContent-Type: text/html\r\n'],
    ['two of ETag', 'ETag: "a"\r\nETag: "b"\r\n'],
    ['two of Date', 'Date: a\r\nDate: b\r\n'],
    ['names of objects', '__proto__: a\r\nconstructor: b\r\n__proto__: c\r\nHasOwnProperty: d\r\n'],
  ];
  for (const [name, fields] of heads) {
    await t.test(`${name} in the head`, async (t) => {
      recorder.answerWith(() => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`);
      t.match(await get(), { status: 200, body: 'ok' });
      t.match(await get2(), { status: 200, body: 'ok' });
    });
  }

  const trailers: [name: string, fields: string][] = [
    ['Connection', 'Connection: x\r\n'],
    ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n'],
    ['Upgrade', 'Upgrade: x\r\n'],
    ['two of ETag', 'ETag: "a"\r\nETag: "b"\r\n'],
    ['Content-Length', 'Content-Length: 9\r\n'],
    ['Set-Cookie', 'Set-Cookie: __Host-knot=evil; Path=/; Secure\r\n'],
    ['names of objects', '__proto__: a\r\nconstructor: b\r\n'],
  ];
  for (const [name, fields] of trailers) {
    await t.test(`${name} in the trailers`, async (t) => {
      recorder.answerWith(
        () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${fields}X-Sum: 1\r\n\r\n`,
      );
      const { bytes } = await get();
      t.match(bytes, /2\r\nok\r\n0\r\n(?:.*\r\n)*x-sum: 1\r\n\r\n$/);
      t.notMatch(bytes, /evil|\r\nupgrade|content-length: 9/i);
      t.match(await get2(), { status: 200, body: 'ok' });
    });
  }

  await t.test('no length where there is no body', async (t) => {
    recorder.answerWith(() => 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: b\r\n\r\n');
    const plain = await get();
    const ofNode = await sendRaw(
      raw,
      `GET /x HTTP/1.1\r\nHost: ${authority}\r\nCookie: ${cookie}\r\nTE: trailers\r\nConnection: close\r\n\r\n`,
    );
    for (const { status, headers } of [plain, ofNode]) {
      t.equal(status, 204);
      t.strictSame([headers.get('x-a'), headers.get('content-length')], [['b'], undefined]);
    }
    const { status, headers } = await get2();
    t.equal(status, 204);
    t.strictSame([headers['x-a'], headers['content-length']], ['b', undefined]);
  });
});
