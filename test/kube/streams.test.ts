import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { WebSocket } from 'ws';
import type { LogLine } from '../../gateway/kube/index.ts';
import { eventually } from '../support/eventually.ts';
import { openFake, quick } from '../support/kube/open.ts';

const pace = { ...quick, goodMs: 1000 };

t.test(
  'a log that is followed goes on where it was when its connection breaks, and ends with its container',
  async (t) => {
    const { fake, kube } = await openFake(t, { pace });
    /** Nanoseconds are written without their last zeros. */
    const log = ['01.5', '01.51', '02', '02', '02', '02.000000001', '03'].map(
      (at, place) => `2026-01-01T00:00:${at}Z line ${place}`,
    );
    const asked: (string | null)[] = [];
    const cuts = [2, 4, 6];
    fake.onLog = ({ query }, response: ServerResponse) => {
      const since = query.get('sinceTime');
      asked.push(since);
      const from = since === null ? 0 : log.findIndex((line) => line >= since.slice(0, 19));
      const to = cuts.shift() ?? log.length;
      response.write(
        log
          .slice(from, to)
          .map((line) => `${line}\n`)
          .join('') + (to < log.length ? log[to]!.slice(0, 20) : ''),
      );
      // A line that is cut short is told whole the next time.
      if (to < log.length) response.write('', () => response.destroy());
      else response.end();
    };
    const told: LogLine[] = [];
    for await (const line of kube.logs('ann', 'web', { follow: true, container: 'main', tailLines: 100 }))
      told.push(line);
    t.strictSame(
      told.map(({ text }) => text),
      log.map((_, place) => `line ${place}`),
      'each once',
    );
    t.equal(told[1]!.at, '2026-01-01T00:00:01.51Z');
    t.strictSame(asked.slice(0, 2), [null, '2026-01-01T00:00:01Z']);
    const { query } = fake.requests[0]!;
    t.match(Object.fromEntries(query), { container: 'main', follow: 'true', tailLines: '100', timestamps: 'true' });
    t.notOk(fake.requests[1]!.query.has('tailLines'), 'what was asked for at the beginning is not asked for again');
  },
);

t.test('whoever knows that it is over is not told what the next run of the container writes', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  const runs = ['01 first', '02 second', '03 third'];
  fake.onLog = (_, response) => {
    const [at, text] = runs.shift()!.split(' ');
    response.end(`2026-01-01T00:00:${at}Z ${text}\n`);
  };
  const ends = [false, true];
  const told: string[] = [];
  const isOver = async () => ends.shift()!;
  for await (const { text } of kube.logs('ann', 'web', { follow: true, isOver })) told.push(text);
  t.strictSame(told, ['first', 'second'], 'one that only broke off is read on');
});

t.test('a log that nobody follows is told once; a long line as far as it fits; other words as they are', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  fake.onLog = (_, response) =>
    void response.end(`2026-01-01T00:00:01+02:00 ${'x'.repeat(100_000)}\nfailed to open\nno end`);
  const told: LogLine[] = [];
  for await (const line of kube.logs('ann', 'web')) told.push(line);
  t.match(told, [
    { at: '2026-01-01T00:00:01+02:00', text: /^x{65000}/ },
    { text: 'failed to open' },
    { text: 'no end' },
  ]);
  t.equal(told.length, 3);
  t.equal(fake.requests.length, 1);
});

t.test('a log that cannot be read is a fault, and reading ends with its signal', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  const read = async (signal?: AbortSignal) => {
    for await (const line of kube.logs('ann', 'web', { follow: true, signal })) if (line.text === 'last') return;
  };
  for (const [status, code] of [
    [400, 'INVALID'],
    [404, 'NOT_FOUND'],
    [403, 'FORBIDDEN'],
  ] as const) {
    fake.fail({ status });
    await t.rejects(read(), { code: `KNOT_KUBE_${code}` });
  }
  fake.fail({ status: 500 }, undefined, 2);
  fake.onLog = (_, response) => void response.write('2026-01-01T00:00:01Z last\n');
  await read();
  t.pass('what may pass is tried again');
  fake.onLog = (_, response) => void response.write('2026-01-01T00:00:01Z first\n');
  const ending = new AbortController();
  const reading = read(ending.signal);
  await eventually('it is asked', () => fake.requests.length === 7);
  ending.abort();
  await reading;
});

/** A program in a container, whose other end is the test. */
async function execOn(t: Test, options: { stdin?: boolean; terminal?: { columns: number; rows: number } } = {}) {
  const { fake, kube } = await openFake(t, { pace });
  const opened = Promise.withResolvers<[WebSocket, URL]>();
  fake.onSocket = (socket, url) => opened.resolve([socket, url]);
  const frames: Buffer[] = [];
  void opened.promise.then(([socket]) => socket.on('message', (data: Buffer) => void frames.push(data)));
  const execution = await kube.exec('ann', 'web', { command: ['sh', '-c', 'a b'], container: 'main', ...options });
  const [socket, url] = await opened.promise;
  const say = (channel: number, text: string) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));
  return { fake, kube, execution, socket, url, say, frames };
}

t.test('a program in a container: what it is given, what it writes, how it ends', async (t) => {
  const { execution, url, say, frames } = await execOn(t, { stdin: true });
  t.equal(url.pathname, '/api/v1/namespaces/ann/pods/web/exec');
  t.equal(url.search, '?container=main&command=sh&command=-c&command=a+b&stdin=true&stdout=true&stderr=true&tty=false');
  execution.stdin.write('x'.repeat(40_000));
  execution.stdin.end('end');
  await eventually('all frames', () => frames.at(-1)?.equals(Buffer.of(255, 0)));
  t.equal(Buffer.concat(frames.slice(0, -1).map((frame) => frame.subarray(1))).toString(), `${'x'.repeat(40_000)}end`);
  t.ok(frames.slice(0, -1).every(([channel]) => channel === 0));
  say(1, 'out');
  say(2, 'err');
  say(
    3,
    JSON.stringify({
      ...{ status: 'Failure', reason: 'NonZeroExitCode', message: 'command terminated with exit code 3' },
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    }),
  );
  t.equal(await text(execution.stdout), 'out');
  t.equal(await text(execution.stderr), 'err');
  t.match(await execution.exit, { code: 3 });
});

t.test('a terminal has a size, which changes, and one output', async (t) => {
  const { execution, frames, say } = await execOn(t, { stdin: true, terminal: { columns: 80, rows: 24 } });
  execution.resize({ columns: 100, rows: 30 });
  await eventually('both sizes', () => frames.length === 2);
  t.strictSame(
    frames.map((frame) => [frame[0], frame.subarray(1).toString()]),
    [
      [4, '{"Width":80,"Height":24}'],
      [4, '{"Width":100,"Height":30}'],
    ],
  );
  t.equal(await text(execution.stderr), '');
  say(3, '{"status":"Success"}');
  t.strictSame(await execution.exit, { code: 0 });
});

t.test('what nobody reads is not taken in', async (t) => {
  const { execution, socket, say } = await execOn(t);
  let sent = 0;
  const most = 64;
  const megabyte = 'x'.repeat(1024 * 1024);
  for (; sent < most; sent++) say(1, megabyte);
  say(3, '{"status":"Success"}');
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.ok(socket.bufferedAmount > (most / 2) * megabyte.length, 'it waits at the other end');
  t.equal((await text(execution.stdout)).length, most * megabyte.length, 'and all of it comes when it is read');
  t.strictSame(await execution.exit, { code: 0 });
});

t.test('a connection that breaks and a program that is hung up on', async (t) => {
  const broken = await execOn(t);
  broken.socket.terminate();
  t.match(await broken.execution.exit, { code: undefined, message: /broke/ });
  t.equal(await text(broken.execution.stdout), '');
  broken.execution.stdin.write('into nothing');
  const left = await execOn(t);
  const closed = once(left.socket, 'close');
  left.execution.end();
  await closed;
  t.match(await left.execution.exit, { code: undefined });
  const last = await execOn(t);
  const ended = once(last.socket, 'close');
  await last.kube.close();
  await ended;
  t.pass('nothing stays open when Knot ends');
});

t.test('a WebSocket that is refused is what the API server says', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  await t.rejects(kube.exec('ann', 'web', { command: ['x'] }), { code: 'KNOT_KUBE_NOT_FOUND' });
  fake.tokens.clear();
  await t.rejects(kube.exec('ann', 'web', { command: ['x'] }), { code: 'KNOT_KUBE_UNAUTHENTICATED' });
  await fake.close();
  await t.rejects(kube.exec('ann', 'web', { command: ['x'] }), { code: 'KNOT_KUBE_UNREACHABLE' });
});

t.test('who is named is named on WebSockets too, and older servers are understood', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  fake.protocols = ['v4.channel.k8s.io'];
  const as: unknown[] = [];
  fake.onSocket = (socket, _, headers) => {
    as.push(headers['impersonate-user'], headers['impersonate-group']);
    socket.send(Buffer.concat([Buffer.of(3), Buffer.from('{"status":"Success"}')]));
  };
  const execution = await kube
    .as({ user: 'ann', groups: ['a', 'b'] })
    .exec('ann', 'web', { command: ['x'], stdin: true });
  t.strictSame(await execution.exit, { code: 0 }, 'what came with the answer is not lost');
  t.strictSame(as, ['ann', 'a, b']);
  execution.stdin.end();
});

t.test('a port of a pod', async (t) => {
  const { fake, kube } = await openFake(t, { pace });
  const asked: string[] = [];
  fake.onSocket = (socket, url) => {
    asked.push(url.pathname + url.search);
    socket.send(Buffer.of(0, 80, 0));
    socket.send(Buffer.of(1, 80, 0));
    socket.on('message', (data: Buffer) => {
      socket.send(Buffer.concat([Buffer.of(0), Buffer.from('heard '), data.subarray(1)]));
      if (String(data.subarray(1)) === 'fail')
        socket.send(Buffer.concat([Buffer.of(1), Buffer.from('connection refused')]));
    });
  };
  const stream = await kube.portForward('ann', 'web', 80);
  t.strictSame(asked, ['/api/v1/namespaces/ann/pods/web/portforward?ports=80']);
  stream.write('hello');
  t.equal(String(((await once(stream, 'data')) as [Buffer])[0]), 'heard hello');
  const failed = once(stream, 'error');
  stream.write('fail');
  t.match(await failed, [{ message: 'connection refused' }]);
});
