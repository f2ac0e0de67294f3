import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { addressBlocks, canonicalize } from '../../../gateway/lib/index.ts';
import { readRequestHead, type RequestHead } from '../../../gateway/proxy/wire/request-head-reader.ts';

/** `KNOT_FUZZ_RUNS=100000` looks longer; `KNOT_FUZZ_SEED` elsewhere. */
const numRuns = Number(process.env['KNOT_FUZZ_RUNS'] ?? 4_000);
const seed = Number(process.env['KNOT_FUZZ_SEED'] ?? 20_261_126);

const oftenThen = (usual: string[], rare: string[], weight = 24) =>
  fc.oneof({ weight, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });
const anyCase = (words: string[]) =>
  fc
    .tuple(fc.constantFrom(...words), fc.constantFrom('as is', 'lower', 'upper', 'mixed'))
    .map(([word, casing]) =>
      casing === 'lower'
        ? word.toLowerCase()
        : casing === 'upper'
          ? word.toUpperCase()
          : casing === 'mixed'
            ? [...word].map((letter, index) => (index % 2 ? letter.toUpperCase() : letter.toLowerCase())).join('')
            : word,
    );

const method = oftenThen(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], ['get', 'TRACE', 'GE T', '']);
const gap = oftenThen([' '], ['  ', '\t', '\x0b', '\xa0', ''], 40);
const target = fc
  .array(
    oftenThen(
      ['a', 'B', '/', '//', '%41', '%2f', '?', '&x=1', '..', ';', '"', '<', '{', '|', '^', '`', '~', '@', ':', '*'],
      [' ', '\t', '\0', '\x7f', '\xe9', '\r', '\n', '#', '\\', 'http://x'],
    ),
    { maxLength: 8 },
  )
  .chain((pieces) => oftenThen([`/${pieces.join('')}`], [pieces.join(''), '*', `http://x/${pieces.join('')}`]));
const version = oftenThen(['HTTP/1.1'], ['HTTP/1.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP/1.10', 'HTTP/01.1', 'HTTP/2.0']);
const lineEnd = oftenThen(['\r\n'], ['\n', '\r', '\r\r\n', '\n\r\n', '\r\n ', '\r\n\t'], 60);
const colon = oftenThen([': ', ':', ':  ', ':\t', ': \t '], [' : ', '\t: ', ':\0', ':\x0b', ' ', '::'], 40);
const padding = oftenThen(['', '', '', ' ', '\t', ' \t '], ['\x0b', '\0', '\r']);

const plainName = oftenThen(
  [
    'Accept',
    'X-A',
    'x-b',
    "!#$%&'*+-.^_`|~",
    '0',
    'Cookie',
    'Keep-Alive',
    'Proxy-Connection',
    'Upgrade-Insecure-Requests',
  ],
  ['', 'X A', 'X\t', 'X\xe9', 'X\0', 'X\x7f', '(X)', 'X,', '"X"', '\rX', '\nX'],
);
const plainValue = fc
  .array(
    oftenThen(
      ['a', 'text/html', ', ', ' ', '\t', '"q"', ';q=1', '\x80', '\xe9', '\xff', ':', '=', '()'],
      ['\0', '\r', '\n', '\x7f', '\x01', '\x1f', '\r\n ', '\r\nX: y'],
      30,
    ),
    { maxLength: 6 },
  )
  .map((pieces) => pieces.join(''));
const framing = fc.oneof(
  fc.tuple(
    anyCase(['Content-Length']),
    oftenThen(
      ['0', '3', '5', '05', '000000000000007'],
      ['+5', '-0', '5, 5', '0x5', '5 5', '', '1e1', '5;', '9'.repeat(16)],
      3,
    ),
  ),
  fc.tuple(
    anyCase(['Transfer-Encoding', 'Transfer_Encoding', 'Transfer-Encodin']),
    fc.constantFrom('chunked', 'identity', 'gzip, chunked', 'CHUNKED', 'x', ''),
  ),
  fc.tuple(
    anyCase(['Connection']),
    anyCase([
      'keep-alive',
      'close',
      'close, x',
      'keep-alive, close',
      'upgrade',
      'x',
      '',
      'Content-Length',
      'close;x',
      'closed',
    ]),
  ),
  fc.tuple(
    anyCase(['Upgrade', 'Expect', 'TE', 'Trailer']),
    fc.constantFrom('x', 'websocket', '100-continue', 'trailers', ''),
  ),
  fc.tuple(anyCase(['Host']), fc.constantFrom('echo.localhost', 'x', '')),
);
const field = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.tuple(plainName, plainValue) }, { weight: 1, arbitrary: framing }),
    colon,
    padding,
    lineEnd,
  )
  .map(([[name, value], separator, behind, end]) => `${name}${separator}${value}${behind}${end}`);
const nearlyValid = fc
  .tuple(method, gap, target, gap, version, lineEnd, fc.array(field, { maxLength: 5 }))
  .map(([verb, first, path, second, protocol, end, fields]) => {
    const text = `${verb}${first}${path}${second}${protocol}${end}Host: echo.localhost\r\n${fields.join('')}`;
    // As the connection does it: the head is what stands before the first empty line.
    const cut = text.indexOf('\r\n\r\n');
    return cut === -1 ? text : text.slice(0, cut + 2);
  });

type Reading = { method: string; target: string; rawHeaders: string[]; body: string };

/** Node's own reading of bytes: every request that comes out of them, or that they were refused. */
async function openNodeReader(t: Test) {
  let readings: Reading[] = [];
  let isRefused = false;
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 64 * 1024 }, (request, response) => {
    const reading = { method: request.method!, target: request.url!, rawHeaders: request.rawHeaders, body: '' };
    readings.push(reading);
    request.on('data', (chunk: Buffer) => (reading.body += chunk.toString('latin1')));
    request.on('end', () => response.end());
  });
  server.on('clientError', (_error, socket) => {
    isRefused = true;
    socket.destroy();
  });
  // Asked before anything is read of them, and so no plain requests.
  for (const event of ['upgrade', 'connect', 'checkContinue', 'checkExpectation']) {
    server.on(event, (request: { socket: { destroy(): void } }) => {
      isRefused = true;
      request.socket.destroy();
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return (bytes: string) =>
    new Promise<{ readings: Reading[]; isRefused: boolean }>((resolve) => {
      readings = [];
      isRefused = false;
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => undefined).on('close', () => resolve({ readings, isRefused }));
      socket.resume();
      socket.end(Buffer.from(bytes, 'latin1'));
    });
}

const nobody = addressBlocks([]);
function isCanonical({ method, target, rawHeaders }: RequestHead): { contentLength: number } | undefined {
  const canonical = canonicalize(
    { method, target, rawHeaders, protocol: 'h1', httpVersion: '1.1', peerAddress: '127.0.0.1', isUpgrade: false },
    nobody,
    { headerCount: 100, headerBytes: 32 * 1024 },
  );
  return typeof canonical === 'string' ? undefined : { contentLength: canonical.contentLength ?? 0 };
}

const marker = 'GET /marker HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

t.test("whatever is read here, Node's parser reads in the same way", async (t) => {
  t.setTimeout(60_000 + numRuns * 20);
  const readByNode = await openNodeReader(t);
  const counts = { left: 0, read: 0, withBody: 0, refusedByBoth: 0 };
  const property = fc.asyncProperty(nearlyValid, async (text) => {
    const head = readRequestHead(text);
    if (head === undefined) return void (counts.left += 1);
    const canonical = isCanonical(head);
    const body = 'b'.repeat(Math.min(canonical?.contentLength ?? 0, 1_000));
    const { readings, isRefused } = await readByNode(`${text}\r\n${body}${marker}`);
    if (canonical === undefined && (isRefused || readings.length === 0)) return void (counts.refusedByBoth += 1);
    const [first, second] = readings;
    if (first === undefined) throw new Error('Node reads no request in what would be served');
    const { method, target, rawHeaders } = first;
    const node = JSON.stringify({ method, target, rawHeaders });
    if (node !== JSON.stringify(head)) throw new Error(`Node reads ${node}, we ${JSON.stringify(head)}`);
    if (canonical === undefined) return void (counts.refusedByBoth += 1);
    if (first.body !== body) throw new Error(`Node takes ${JSON.stringify(first.body)} for the body`);
    const isLast = head.rawHeaders.some(
      (name, index) =>
        index % 2 === 0 && name.toLowerCase() === 'connection' && /^close$/i.test(head.rawHeaders[index + 1]!),
    );
    if (!isLast && second?.target !== '/marker') throw new Error('Node sees the end of the request elsewhere');
    if (isLast && second !== undefined) throw new Error('Node goes on behind the last request');
    counts.read += 1;
    if (body !== '') counts.withBody += 1;
    return undefined;
  });
  await fc.assert(property, { numRuns, seed });
  t.ok(counts.read > numRuns / 8, `many are read: ${JSON.stringify(counts)}`);
  t.ok(counts.withBody > numRuns / 200, 'some of them with a body');
  t.ok(counts.left > numRuns / 8, 'many are left to Node');
});
