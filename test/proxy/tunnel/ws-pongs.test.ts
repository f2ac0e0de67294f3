import fc from 'fast-check';
import t from 'tap';
import { closeFrame, FrameReader, pingFrame } from '../../../gateway/proxy/tunnel/ws-frames.ts';
import { PongFilter } from '../../../gateway/proxy/tunnel/ws-pongs.ts';

type Frame = { first: number; payload: Uint8Array; mask: Uint8Array };

/** A client's frame: masked (RFC 6455 section 5.3). */
function bytesOf({ first, payload, mask }: Frame): Buffer {
  const { length } = payload;
  const size =
    length < 126
      ? [0x80 | length]
      : length < 65_536
        ? [0x80 | 126, length >> 8, length & 255]
        : [0x80 | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from([first, ...size]), mask, payload.map((byte, index) => byte ^ mask[index & 3]!)]);
}

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Data, fragments with pings and pongs between them, close frames aside: what follows them is not looked at. */
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    first: fc.constantFrom(0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0xc1, 0x41),
    payload: fc.oneof(
      { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
      { weight: 2, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 140 }) },
      { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 70_000).map((length) => new Uint8Array(length).fill(7)) },
    ),
    mask,
  }),
  fc.record({
    first: fc.constantFrom(0x89, 0x8a),
    payload: fc.oneof(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 15, maxLength: 17 }),
      fc.uint8Array({ maxLength: 125 }),
    ),
    mask,
  }),
);

/** Cuts at the given places, so that every header and payload is split somewhere. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((place, index) => bytes.subarray(place, places[index] ?? bytes.length));
}

function through(filter: PongFilter, chunks: readonly Buffer[]): Buffer {
  const out = chunks.map((chunk) => filter.push(chunk));
  return Buffer.concat([...out, filter.flush() ?? Buffer.alloc(0)]);
}

t.test('what goes on is what came, without the answers to our pings', (t) => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.array(fc.record({ at: fc.nat(), mask }), { maxLength: 3 }),
      fc.oneof(fc.array(fc.nat(), { maxLength: 30 }), fc.constant(Array.from({ length: 2_000 }, (_, index) => index))),
      fc.boolean(),
      (frames, answers, cuts, hasUnanswered) => {
        const filter = new PongFilter();
        const payload = Uint8Array.from(filter.expect());
        for (let index = 1; index < answers.length + Number(hasUnanswered); index++) filter.expect();
        const all = frames.map((each) => ({ bytes: bytesOf(each), isOurs: false }));
        for (const answer of answers) {
          const bytes = bytesOf({ first: 0x8a, payload, mask: answer.mask });
          all.splice(answer.at % (all.length + 1), 0, { bytes, isOurs: true });
        }
        const received = Buffer.concat(all.map(({ bytes }) => bytes));
        const meant = Buffer.concat(all.filter(({ isOurs }) => !isOurs).map(({ bytes }) => bytes));
        const passed = through(filter, split(received, cuts));
        return passed.equals(meant) && filter.canFind;
      },
    ),
    { numRuns: 1_500, seed: 6455 },
  );
  t.end();
});

t.test('whatever bytes a client sends pass, and no more than one pong is ever held back', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.constantFrom(0x8a, 0x90, 0, 0xff), { maxLength: 60 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (bytes, prefix, cuts) => {
        const filter = new PongFilter();
        filter.expect();
        const received = Buffer.concat([Buffer.from(prefix), bytes]);
        let waiting = 0;
        const out: Buffer[] = [];
        for (const chunk of split(received, cuts)) {
          const passed = filter.push(chunk);
          out.push(passed);
          waiting += chunk.length - passed.length;
          if (waiting > 21) return false;
        }
        return Buffer.concat([...out, filter.flush() ?? Buffer.alloc(0)]).equals(received);
      },
    ),
    { numRuns: 1_500, seed: 6455 },
  );
  t.end();
});

t.test('without a ping on its way a chunk passes as it is, and nothing looks like a pong of ours', (t) => {
  const filter = new PongFilter();
  const payload = Uint8Array.from(filter.expect());
  const pong = bytesOf({ first: 0x8a, payload, mask: Uint8Array.of(1, 2, 3, 4) });
  t.equal(filter.push(pong).length, 0, 'the answer is taken out');
  t.notOk(filter.isWaiting);
  t.equal(filter.push(pong), pong, 'once: the same bytes again are the client’s own');
  t.notSame(Uint8Array.from(filter.expect()), payload, 'the next ping has another payload');
  t.end();
});

t.test('a client that does not speak the protocol is passed on and not judged', (t) => {
  const odd: [name: string, bytes: number[]][] = [
    ['not masked', [0x81, 0x02, 0x68, 0x69]],
    ['a reserved opcode', [0x83, 0x80, 1, 2, 3, 4]],
    ['a ping of 200 bytes', [0x89, 0xfe, 0, 200, 1, 2, 3, 4]],
    ['a ping in fragments', [0x09, 0x80, 1, 2, 3, 4]],
    ['2^63 bytes', [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]],
  ];
  for (const [name, bytes] of odd) {
    const filter = new PongFilter();
    filter.expect();
    t.ok(filter.push(Buffer.from(bytes)).equals(Buffer.from(bytes)), name);
    t.notOk(filter.canFind, name);
  }
  const closing = new PongFilter();
  closing.push(bytesOf({ first: 0x88, payload: Uint8Array.of(3, 232), mask: Uint8Array.of(1, 2, 3, 4) }));
  t.notOk(closing.canFind, 'nor one that has sent its close frame');
  t.end();
});

t.test('a reader knows where frames of a server end, at any split', (t) => {
  const frames = [pingFrame(Buffer.alloc(16)), Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256)])];
  frames.push(Buffer.concat([Buffer.from([0x02, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536)]));
  frames.push(Buffer.from([0x80, 0]), closeFrame(1001, 'bye'));
  const bytes = Buffer.concat(frames);
  const ends = new Set(frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length));
  const reader = new FrameReader(false);
  const wrong: number[] = [];
  for (let index = 0; index < bytes.length; index++) {
    reader.skim(bytes.subarray(index, index + 1));
    if (reader.isBetweenFrames !== ends.has(index + 1)) wrong.push(index);
  }
  t.strictSame(wrong, []);
  t.ok(reader.hasClosed);
  t.end();
});
