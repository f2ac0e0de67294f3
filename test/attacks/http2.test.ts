import t, { type Test } from 'tap';
import { openHouse, residentMebibytes, promptMs } from './house.ts';
import {
  flag,
  frame,
  type FrameConnection,
  frameType,
  indexedHeader,
  literalHeaders,
  newestEntry,
  openFrames,
  uint32,
} from '../support/net/http2-frames.ts';
import { eventually } from '../support/eventually.ts';

const house = await openHouse(t);
const { gateway, raw, recorder, host, cookie } = house;

const request = (path: string, own = cookie): Buffer =>
  literalHeaders([
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', host],
    [':path', path],
    ['cookie', own],
  ]);
const headers = (stream: number, path: string): Buffer =>
  frame(frameType.headers, flag.endHeaders | flag.endStream, stream, request(path));
const processorSeconds = async (): Promise<number> =>
  Number(/^process_cpu_seconds_total (\S+)/m.exec(await (await fetch(`${gateway.ops}/metrics`)).text())![1]);

/** Sends `part` until the gateway has enough or `rounds` are over; yields so that it is heard. */
async function flood(connection: FrameConnection, rounds: number, part: (round: number) => Buffer): Promise<number> {
  let round = 0;
  for (; round < rounds && !connection.isRefused(); round++) {
    if (!connection.send(part(round))) break;
    if (connection.socket.writableLength > 1 << 20 || round % 8 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return round;
}

/** Runs an attack and asserts what holds for each: memory and processor time are bounded, and another client is served meanwhile. */
async function bounded(t: Test, attack: () => Promise<FrameConnection[]>, mostSeconds = 4): Promise<void> {
  house.forget();
  const [memory, seconds] = [residentMebibytes(gateway.pid), await processorSeconds()];
  let peak = memory;
  const watch = setInterval(() => (peak = Math.max(peak, residentMebibytes(gateway.pid))), 50);
  const running = attack();
  let slowest = 0;
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      slowest = Math.max(slowest, await house.serveMs());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const connections = await running;
  isOver = true;
  await others;
  clearInterval(watch);
  t.ok(slowest > 0 && slowest < promptMs, `another client was served within ${Math.round(slowest)} ms`);
  t.ok(peak - memory < 96, `memory grew by ${Math.round(peak - memory)} MiB`);
  const spent = (await processorSeconds()) - seconds;
  t.ok(spent < mostSeconds, `${spent.toFixed(2)} s of processor time`);
  for (const connection of connections) connection.close();
}

t.test('neighbour: frames by hand are served', async (t) => {
  recorder.answerWith(({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
  const connection = await openFrames(raw);
  for (let index = 0; index < 100; index++) connection.send(headers(2 * index + 1, `/n${index}`));
  const bodies = () => connection.received.filter(({ type, payload }) => type === frameType.data && payload.length > 0);
  await eventually('a hundred answers', () => bodies().length === 100);
  for (const { stream, payload } of bodies()) t.equal(payload.toString(), `/n${(stream - 1) / 2}`);
  t.notOk(connection.isRefused());
  connection.send(frame(frameType.ping, 0, 0, Buffer.from('12345678')));
  await eventually('a pong', () =>
    connection.received.some(({ type, flags }) => type === frameType.ping && flags === 1),
  );
  connection.close();
});

t.test('D1 rapid reset: 20,000 streams opened and reset', async (t) => {
  recorder.answerWith(() => undefined);
  const block = request('/reset');
  await bounded(t, async () => {
    const connection = await openFrames(raw);
    const rounds = await flood(connection, 400, (round) =>
      Buffer.concat(
        Array.from({ length: 50 }, (_, index) => {
          const stream = 2 * (round * 50 + index) + 1;
          return Buffer.concat([
            frame(frameType.headers, flag.endHeaders | flag.endStream, stream, block),
            frame(frameType.reset, 0, stream, uint32(8)),
          ]);
        }),
      ),
    );
    await eventually(`the connection is ended (after ${rounds * 50} streams)`, () => connection.isRefused());
    return [connection];
  });
  t.ok(recorder.requests.length < 5_000, `${recorder.requests.length} of 20,000 reached the upstream`);
  recorder.reset();
});

t.test('D1 a CONTINUATION flood ends its connection', async (t) => {
  await bounded(t, async () => {
    const connection = await openFrames(raw);
    connection.send(frame(frameType.headers, 0, 1, request('/continued')));
    const filler = frame(frameType.continuation, 0, 1, literalHeaders([['x-filler', 'a'.repeat(8_000)]]));
    const rounds = await flood(connection, 4_000, () => filler);
    await eventually(`the connection is ended (after ${rounds} frames)`, () => connection.isRefused());
    return [connection];
  });
  await bounded(t, async () => {
    const connection = await openFrames(raw);
    connection.send(frame(frameType.headers, 0, 1, request('/continued')));
    const nothing = Buffer.concat(Array.from({ length: 100 }, () => frame(frameType.continuation, 0, 1)));
    const rounds = await flood(connection, 1_000, () => nothing);
    await eventually(`empty ones too (after ${rounds * 100} frames)`, () => connection.isRefused());
    return [connection];
  });
  t.equal(recorder.requests.filter(({ target }) => target !== '/alive').length, 0);
});

t.test('D2 a header list that grows when it is unpacked is refused', async (t) => {
  await bounded(t, async () => {
    const connections: FrameConnection[] = [];
    for (let attacker = 0; attacker < 4; attacker++) {
      const connection = await openFrames(raw);
      connections.push(connection);
      connection.send(
        frame(
          frameType.headers,
          flag.endHeaders | flag.endStream,
          1,
          Buffer.concat([request('/bomb'), indexedHeader('x-bomb', 'b'.repeat(3_900))]),
        ),
      );
      for (let stream = 3; stream < 201; stream += 2) {
        const block = Buffer.concat([request('/bomb'), Buffer.alloc(15_000, newestEntry)]);
        connection.send(frame(frameType.headers, flag.endHeaders | flag.endStream, stream, block));
      }
    }
    await eventually('every one of them is refused', () =>
      connections.every(
        (connection) =>
          connection.isRefused() ||
          connection.received.filter(({ type }) => type === frameType.reset || type === frameType.headers).length >=
            100,
      ),
    );
    return connections;
  });
  const passed = recorder.requests.filter(({ target }) => target === '/bomb');
  t.ok(passed.length <= 4, `only the plain first of each connection passed (${passed.length})`);
});

t.test('D1 D2 a hundred streams nobody reads hold no memory, and the upstream waits', async (t) => {
  const body = Buffer.alloc(4 * 1024 * 1024, 'z');
  recorder.answerWith(({ target }) =>
    target === '/alive'
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
      : Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]),
  );
  await bounded(t, async () => {
    const connection = await openFrames(raw, [[4, 0]]);
    for (let index = 0; index < 100; index++) connection.send(headers(2 * index + 1, `/stalled${index}`));
    await eventually(
      'all asked',
      () => recorder.requests.filter(({ target }) => target.startsWith('/stalled')).length === 100,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    t.equal(connection.received.filter(({ type }) => type === frameType.data).length, 0, 'no byte against the window');
    return [connection];
  });
  recorder.reset();
});

t.test('D2 more streams than allowed are refused, not queued', async (t) => {
  recorder.answerWith(({ target }) =>
    target === '/alive' ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' : undefined,
  );
  const connection = await openFrames(raw);
  await eventually('the settings', () => connection.received.some(({ type }) => type === frameType.settings));
  for (let index = 0; index < 150; index++) connection.send(headers(2 * index + 1, `/many${index}`));
  await eventually(
    'fifty refusals',
    () => connection.isRefused() || connection.received.filter(({ type }) => type === frameType.reset).length >= 50,
  );
  t.ok(recorder.requests.filter(({ target }) => target.startsWith('/many')).length <= 100, 'at most a hundred go on');
  connection.close();
  recorder.reset();
});

t.test('D1 SETTINGS and PING floods are bounded', async (t) => {
  const settings = Buffer.concat(
    Array.from({ length: 100 }, () =>
      frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(100)])),
    ),
  );
  const pings = Buffer.concat(Array.from({ length: 100 }, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))));
  const resets = Buffer.concat(Array.from({ length: 100 }, () => frame(frameType.windowUpdate, 0, 0, uint32(1))));
  for (const [name, part] of Object.entries({ settings, pings, 'window updates': resets })) {
    await t.test(name, async (t) => {
      await bounded(t, async () => {
        const connection = await openFrames(raw);
        // Acknowledgements are not read, so that they pile up where the gateway keeps them.
        connection.socket.pause();
        await flood(connection, 500, () => part);
        connection.socket.resume();
        return [connection];
      });
    });
  }
});

t.test('D1 broken frames end the connection', async (t) => {
  const cases: [name: string, ...frames: Buffer[]][] = [
    ['a window beyond 2^31', frame(frameType.windowUpdate, 0, 0, uint32(0x7fffffff))],
    ['a window of nothing', frame(frameType.windowUpdate, 0, 0, uint32(0))],
    ['DATA on no stream', frame(frameType.data, 0, 0, Buffer.from('x'))],
    ['DATA on an idle stream', frame(frameType.data, 0, 5, Buffer.from('x'))],
    ['an even stream', headers(2, '/even')],
    ['SETTINGS of five bytes', frame(frameType.settings, 0, 0, Buffer.alloc(5))],
    ['a PING of seven bytes', frame(frameType.ping, 0, 0, Buffer.alloc(7))],
    ['a frame larger than agreed', frame(frameType.data, 0, 1, Buffer.alloc(20_000))],
    ['CONTINUATION without HEADERS', frame(frameType.continuation, flag.endHeaders, 1)],
    [
      'a broken header block',
      frame(frameType.headers, flag.endHeaders | flag.endStream, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])),
    ],
    ['a push', frame(5, flag.endHeaders, 1, Buffer.concat([uint32(2), request('/push')]))],
    ['a reset of an idle stream', frame(frameType.reset, 0, 99, uint32(8))],
  ];
  house.forget();
  for (const [name, ...frames] of cases) {
    const connection = await openFrames(raw);
    connection.send(...frames);
    await eventually(`${name} ends the connection`, () => connection.isRefused());
    connection.close();
  }
  t.strictSame(recorder.requests, [], 'nothing reaches the upstream');
  t.ok((await house.serveMs()) < promptMs, 'and others are served');
});
