import t from 'tap';
import type { TileStatus } from '../../../gateway/lib/index.ts';
import { sendHttp2, sendRaw } from '../../support/net/raw-client.ts';
import { openGateway } from '../fixture.ts';

const page = 'Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nAccept: text/html\r\n';
const program = 'Accept: application/json\r\n';

t.test('an application that does not answer: one calm page with a way on, whatever protocol asks', async (t) => {
  let state: TileStatus | undefined;
  const gateway = await openGateway(t, { stateOf: () => state });
  const { raw, port, recorder } = gateway;
  const { cookie } = await gateway.signIn();
  const get = (fields = page, target = '/lab/tree/a?b=%20"', method = 'GET') =>
    sendRaw(
      raw,
      `${method} ${target} HTTP/1.1\r\nHost: echo.localhost:${port}\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`,
    );
  const down = () => gateway.setRoutes({ ...gateway.echo, upstream: { ...gateway.echo.upstream, port: 1 } });
  const up = () => gateway.setRoutes(gateway.echo);
  t.beforeEach(async () => {
    state = undefined;
    recorder.reset();
    await up();
  });

  await t.test('try again keeps the address, home leads home, the id is the one of the log', async (t) => {
    await down();
    const { status, body } = await get();
    t.equal(status, 502);
    t.match(body, /<h1>echo is not available<\/h1>/);
    t.match(body, /<a class="button primary" href="\/lab\/tree\/a\?b=%20&quot;">Try again<\/a>/);
    t.match(body, `href="${gateway.address.origin}/">Home</a>`);
    const id = /<dt>Request<\/dt>\s*<dd>([^<]+)<\/dd>/.exec(body)?.[1];
    t.ok(id && gateway.entries.some(({ requestId }) => requestId === id), `${id} is in the access log`);
    t.notMatch(body, /http-equiv="refresh"/, 'what is not known to come is not waited for');
  });

  await t.test('a form is not sent again by a link', async (t) => {
    await down();
    const { body } = await get(`${page}Content-Length: 0\r\n`, '/form', 'POST');
    t.match(body, /<h1>/);
    t.notMatch(body, /Try again<\/a>|http-equiv/);
    t.match(body, />Home<\/a>/);
  });

  await t.test('a tool that starts shows its step and opens by itself', async (t) => {
    state = { status: 'preparing', message: 'Downloading alembic (1 of 106)', progress: 0.25, step: 'download' };
    await down();
    const { status, body, headers } = await get();
    t.equal(status, 503);
    t.strictSame(headers.get('retry-after'), ['3']);
    t.match(body, /<h1>echo is starting<\/h1>/);
    t.match(body, /Downloading alembic \(1 of 106\)/);
    t.match(body, /<meta http-equiv="refresh" content="3"/);
    const told = JSON.parse((await get(program)).body) as { code: string; message: string };
    t.match(told, { code: 'KNOT_PROXY_UPSTREAM_UNREACHABLE', message: /not ready yet/ });
    t.notMatch((await get(`${page}Content-Length: 0\r\n`, '/form', 'POST')).body, /http-equiv/);
  });

  await t.test('one that is broken or switched off says so', async (t) => {
    await down();
    state = { status: 'failed', message: 'JupyterHub ended again and again.', remedy: 'for admins only' };
    const { body } = await get();
    t.match(body, /does not work at the moment<\/h1>\s*<p>JupyterHub ended again and again\.<\/p>/);
    t.match(body, /Health page/);
    t.notMatch(body, /for admins only/);
    state = { status: 'off', message: 'It was stopped.' };
    t.match((await get()).body, /<h1>echo is switched off<\/h1>/);
  });

  await t.test('what is said of the application does not hide what the person did', async (t) => {
    state = { status: 'preparing', message: 'Starting' };
    recorder.answerWith(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    t.equal((await get()).status, 200, 'nor does it keep an answer from anybody');
  });

  await t.test('a bare 502, 503 or 504 in front of an application becomes the same page', async (t) => {
    for (const [line, fields, body] of [
      ['503 Service Unavailable', 'Content-Length: 19\r\n', 'Service Unavailable'],
      ['503 Service Unavailable', 'Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n', 'off'],
      ['502 Bad Gateway', 'Content-Type: text/html\r\nContent-Length: 0\r\n', ''],
      ['504 Gateway Timeout', 'CONTENT-TYPE: Text/Plain\r\nContent-Length: 3\r\n', 'off'],
    ] as const) {
      recorder.answerWith(() => `HTTP/1.1 ${line}\r\n${fields}\r\n${body}`);
      const answer = await get();
      t.equal(answer.status, 503, line);
      t.match(answer.body, /<h1>echo is not available<\/h1>/, `${line}: ${answer.body.slice(0, 60)}`);
      t.match(answer.body, /Try again<\/a>/);
      const over2 = await sendHttp2(raw, {
        ...{ ':method': 'GET', ':path': '/', ':authority': `echo.localhost:${port}`, cookie },
        ...{ 'sec-fetch-mode': 'navigate', accept: 'text/html' },
      });
      t.match(over2.body, /<h1>echo is not available<\/h1>/, `${line} over HTTP/2`);
    }
  });

  await t.test('when to ask again is said by the application, if it says so', async (t) => {
    for (const [said, told] of [
      ['Retry-After: 120\r\n', '120'],
      ['RETRY-AFTER: Sun, 06 Nov 2033 08:49:37 GMT\r\n', 'Sun, 06 Nov 2033 08:49:37 GMT'],
      ['', '5'],
      ['Retry-After: 1\r\nRetry-After: 2\r\n', '5'],
      ['Retry-After: soon\r\n', '5'],
    ] as const) {
      recorder.answerWith(() => `HTTP/1.1 503 Service Unavailable\r\n${said}Content-Length: 0\r\n\r\n`);
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await get(page, '/', method);
        t.strictSame([status, headers.get('retry-after')], [503, [told]], `${method} ${said}`);
      }
    }
    state = { status: 'preparing', message: 'Starting' };
    recorder.answerWith(() => 'HTTP/1.1 503 Starting\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n');
    t.strictSame((await get()).headers.get('retry-after'), ['3'], 'unless it is known better');
  });

  await t.test('pages of the application, and whatever programs asked for, pass as they are', async (t) => {
    const html = '<!doctype html><title>Back soon</title>';
    recorder.answerWith(
      () =>
        `HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: ${html.length}\r\n\r\n${html}`,
    );
    t.match(await get(), { status: 503, body: html });
    recorder.answerWith(
      () => 'HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\noff',
    );
    t.match(await get(program), { status: 503, body: 'off' });
    recorder.answerWith(
      () => 'HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nbad',
    );
    t.match(await get(), { status: 500, body: 'bad' }, 'an error that is not about being away');
  });
});
