import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { openRaw, sendRaw } from '../support/net/raw-client.ts';
import { openHouse, promptMs } from './house.ts';
import { glued, refusedFirst } from './glued.ts';
import { rows } from './rows.ts';
import { eventually } from '../support/eventually.ts';

const house = await openHouse(t);
const { recorder, raw, gateway, cookie, host } = house;
const fill = (bytes: string): string => house.fill(bytes.replaceAll('MAIN', `localhost:${gateway.port}`));
/** The recorder answers 200 to everything, also to an upgrade. */
const served = 200;

t.test('rows by hand against the running process', async (t) => {
  for (const row of rows) {
    await t.test(`${row.row} ${row.name}`, async (t) => {
      house.forget();
      const bytes = fill(row.bytes);
      const path = bytes.split(' ', 2)[1]!.split('?', 1)[0]!;
      const startedAt = performance.now();
      const answer = await sendRaw(raw, bytes);
      // Not a measurement: what is not linear would take minutes.
      t.ok(performance.now() - startedAt < 20_000, 'in linear time');
      if ('passes' in row) {
        t.equal(answer.status, served);
        t.equal(recorder.requests.length, 1, 'one request in, one out');
        t.equal(recorder.requests[0]!.target, bytes.split(' ', 2)[1], 'the same target');
        if (row.holds) t.match(recorder.bytes(), row.holds);
        if (row.lacks) t.notMatch(recorder.bytes(), row.lacks);
        if (row.body !== undefined) t.equal(recorder.requests[0]!.body, fill(row.body), 'the same body');
        const line = await house.lineOf((line) => line.path === path || line.path.startsWith(path.slice(0, 900)));
        if (row.user) t.equal(line.user, row.user);
        return;
      }
      t.equal(recorder.bytes(), '', 'nothing reaches the upstream');
      t.ok(answer.isClosed, 'the connection is closed');
      t.notOk(answer.headers.has('set-cookie'), 'no cookie is set');
      if ('refusedBy' in row) return t.ok(row.refusedBy.includes(answer.status), `status ${answer.status}`);
      t.equal(answer.status, row.status);
      const line = await house.lineOf(({ reason }) => reason !== '');
      t.equal(line.reason, row.refused, 'the log names the reason');
      t.equal(line.status, row.status);
    });
  }
});

t.test('S9 a body nobody expects never becomes the next request', async (t) => {
  for (const [name, framing, body] of [
    ['GET', 'Content-Length: 37\r\n', 'GET /hidden HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['HEAD', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
    ['GET', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ] as const) {
    house.forget();
    const socket = await openRaw(raw);
    let received = '';
    socket.on('data', (data: Buffer) => (received += data.toString('latin1')));
    const head = `Host: ${host}\r\nCookie: ${cookie}\r\n`;
    const sent = framing.startsWith('Content') ? `Content-Length: ${fill(body).length}\r\n` : framing;
    socket.write(`${name} /first HTTP/1.1\r\n${head}${sent}\r\n${fill(body)}GET /second HTTP/1.1\r\n${head}\r\n`);
    await eventually(`two answers to ${name}`, () => [...received.matchAll(/HTTP\/1\.1 \d+/g)].length === 2);
    t.strictSame(
      recorder.requests.map(({ target }) => target).sort(),
      ['/first', '/second'],
      `${name} with ${framing.trim()}`,
    );
    t.notMatch(recorder.requests.find(({ target }) => target === '/second')!.body, /./, 'the second has no body');
    socket.destroy();
  }
});

t.test('nothing glued behind a refused request comes to life', async (t) => {
  for (const first of refusedFirst) {
    for (const [what, second] of Object.entries(glued)) {
      await t.test(`${first.row} ${first.name}, then ${what}`, async (t) => {
        house.forget();
        const answer = await sendRaw(raw, fill(first.bytes + second));
        t.ok(answer.status >= 400, `status ${answer.status}`);
        t.ok(answer.isClosed, 'the connection is closed');
        t.equal(answer.bytes.split('HTTP/1.1 ').length, 2, 'one answer');
        await house.serveMs();
        t.strictSame(
          recorder.requests.map(({ target }) => target),
          ['/alive'],
          'neighbour: only the next connection is served',
        );
      });
    }
  }
});

t.test('S6 broken bytes behind a request never stand in or before its answer', async (t) => {
  const plain = `GET /slow HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\n\r\n`;
  const chunked = fill(
    'POST /slow HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nOrigin: ORIGIN\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  for (const [kind, first] of Object.entries({ plain, chunked })) {
    for (const [name, begin, rest] of [
      ['an answer that is due', '', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst last'],
      ['an answer under way', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst', ' last'],
    ] as const) {
      house.forget();
      let finish = (): void => undefined;
      recorder.answerWith((_request, upstream) => {
        finish = () => void upstream.write(rest);
        return void (begin && upstream.write(begin));
      });
      const socket = await openRaw(raw);
      let received = '';
      let isClosed = false;
      socket.on('data', (data: Buffer) => (received += data.toString('latin1'))).on('close', () => (isClosed = true));
      socket.write(first);
      await eventually(name, () => recorder.requests.length === 1 && (begin === '' || /first$/.test(received)));
      socket.write('GET\t/broken\r\n\r\n');
      finish();
      await eventually('the connection is closed', () => isClosed);
      const [answer, ...others] = received.split(/(?=HTTP\/1\.1 [0-9]{3} )/);
      if (/first last$/.test(answer ?? '')) {
        t.ok(
          others.length <= 1 && others.every((other) => other.startsWith('HTTP/1.1 400 ')),
          'a refusal comes behind',
        );
      } else {
        t.notMatch(received, /HTTP\/1\.1 400|malformed/, 'or the stream is cut');
      }
      if (kind === 'plain') t.match(answer, /first last$/, `${name}: what is asked for in order is answered whole`);
    }
  }
  recorder.reset();
});

t.test('S12 the client library is new enough', async (t) => {
  const require = createRequire(import.meta.url);
  const { version } = JSON.parse(readFileSync(join(require.resolve('undici'), '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const [major, minor] = version.split('.').map(Number);
  t.ok(major! > 7 || (major === 7 && minor! >= 24), `undici ${version}`);
});

t.test('the process still answers', async (t) => t.ok((await house.serveMs()) < promptMs));
