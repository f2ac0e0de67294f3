import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import Fastify from 'fastify';
import t from 'tap';
import { type AccessEntry, knotError } from '../../gateway/lib/index.ts';
import { createAccessLog, createLog, type LogOptions } from '../../gateway/ops/index.ts';
import { anyCharacter } from '../support/any-character.ts';

function capture(options: Partial<LogOptions> = {}, isTTY = false) {
  const lines: string[] = [];
  const stream = { isTTY, write: (line: string) => void lines.push(line) };
  return { lines, log: createLog({ format: 'json', level: 'debug', stream, ...options }) };
}

const last = (lines: string[]): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;

const entry: AccessEntry = {
  requestId: 'r1',
  method: 'GET',
  host: 'echo.localhost',
  path: '/a%2Fb',
  status: 200,
  user: 'ann',
  route: 'echo',
  verdict: 'allow',
  reason: '',
  address: '127.0.0.1',
  protocol: 'h1',
  bytesIn: 0,
  bytesOut: 5,
  totalMs: 1.25,
};

t.test('an entry is one JSON line with level, time and fields', async (t) => {
  const { lines, log } = capture();
  log.child({ module: 'proxy' }).info({ host: 'echo.localhost' }, 'started');
  t.equal(lines.length, 1);
  t.match(last(lines), { level: 'info', msg: 'started', module: 'proxy', host: 'echo.localhost', time: Number });
});

t.test('fields that carry credentials are masked wherever they stand', async (t) => {
  const { lines, log } = capture();
  const secret = 'S3CRET';
  const carriers: object[] = [
    { cookie: secret },
    { headers: { cookie: secret, 'set-cookie': [secret], Authorization: `Bearer ${secret}` } },
    { 'proxy-authorization': secret },
    { a: { b: { c: { access_token: secret } } } },
    { list: [{ token: secret }] },
    { code: secret },
    { code: 123456 },
    { password: secret, newPassword: secret, client_secret: secret, codeVerifier: secret },
    { err: Object.assign(new Error('failed'), { token: secret }) },
    { err: knotError('KNOT_X_Y', 500, 'failed', { internal: { refreshToken: secret } }) },
    Object.assign(new Error('failed'), { idToken: secret }),
  ];
  for (const fields of carriers) {
    log.info(fields, 'message');
    t.notMatch(lines.at(-1), /S3CRET|123456/);
    t.match(lines.at(-1), /\[redacted\]/);
  }
  log.child({ authorization: secret }).info({}, 'message');
  t.notMatch(lines.at(-1), /S3CRET/);
});

t.test('the codes of errors and ordinary fields are not masked', async (t) => {
  const { lines, log } = capture();
  log.info({ code: 'KNOT_TLS_EXPIRED', err: Object.assign(new Error('x'), { code: 'ECONNRESET' }), tokens: 3 }, 'm');
  t.match(last(lines), {
    code: 'KNOT_TLS_EXPIRED',
    err: { type: 'Error', code: 'ECONNRESET', message: 'x', stack: /log\.test/ },
    tokens: 3,
  });
});

t.test('a request handed over by Fastify loses its query, and drags nothing along', async (t) => {
  const { lines, log } = capture();
  const app = Fastify({ loggerInstance: log });
  t.teardown(() => app.close());
  app.get('/.knot/callback', () => {
    throw new Error('it broke');
  });
  await app.inject({ url: '/.knot/callback?code=abc&x=1', headers: { host: 'h', cookie: 'S3CRET' } });
  t.notMatch(lines.join(''), /abc|S3CRET|x=1/);
  const incoming = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ req }) => req !== undefined);
  t.same(incoming?.['req'], { method: 'GET', host: 'h', path: '/.knot/callback' });
  const failed = lines.find((line) => line.includes('it broke')) ?? '';
  t.match(JSON.parse(failed), { level: 'error', err: { message: 'it broke' }, res: { statusCode: 500 } });
  t.ok(lines.every((line) => line.length < 3000));
});

t.test('whatever a client sends, the access line is one valid JSON line of bounded size', async (t) => {
  const hostile = [
    '\u001b[31mred\u001b[0m',
    'a\r\nlevel=error fake',
    '\u2028{"level":"info","msg":"access"}\u2029',
    '"}\n{"level":"fatal"}',
    '\u009b2J\u007f\u202e',
    'x'.repeat(64 * 1024),
    '\ud800',
  ];
  for (const format of ['json', 'pretty'] as const) {
    const { lines, log } = capture({ format });
    const access = createAccessLog({ log });
    for (const text of hostile) {
      lines.length = 0;
      access({ ...entry, path: text, host: text, method: text, user: text, reason: text });
      t.equal(lines.length, 1);
      const line = lines[0] ?? '';
      t.equal(line.indexOf('\n'), line.length - 1, 'one line');
      // eslint-disable-next-line no-control-regex -- control characters are the point
      t.notMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/, 'nothing a terminal obeys');
      t.ok(line.length < 16_000, 'bounded');
      if (format === 'json') t.match(JSON.parse(line), { level: 'info', msg: 'access', status: 200 });
    }
  }
});

t.test('property: any fields give one parseable line, and never a throw', async (t) => {
  const { lines, log } = capture();
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true }), { maxKeys: 6 }),
      (fields) => {
        lines.length = 0;
        log.info(fields, 'message');
        JSON.parse(lines[0] ?? '');
        return lines.length === 1 && (lines[0] ?? '').indexOf('\n') === (lines[0] ?? '').length - 1;
      },
    ),
    { numRuns: 300 },
  );
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  log.info(circular, 'circular');
  log.info(
    {
      get broken() {
        throw new Error('no');
      },
    },
    'getter',
  );
  t.match(last(lines), { broken: '[unreadable]' });
});

t.test('the pretty form is one readable line per entry', async (t) => {
  const { lines, log } = capture({ format: 'pretty' });
  createAccessLog({ log })(entry);
  t.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} info {2}GET echo\.localhost\/a%2Fb 200 1 ms echo ann allow\n$/);
  log.error({ err: knotError('KNOT_X_Y', 500, 'It broke.'), subject: 'a b' }, 'failed');
  t.match(lines[1], /error failed err="KNOT_X_Y: It broke\. \(.*log\.test\.ts.*\)" subject="a b"\n$/);
  t.equal(lines[1]?.split('\n').length, 2);
});

t.test('colours only in a terminal; auto chooses by terminal', async (t) => {
  const terminal = capture({ format: 'auto' }, true);
  terminal.log.info({}, 'hello');
  t.match(terminal.lines[0], '\u001b[');
  const pipe = capture({ format: 'auto' });
  pipe.log.info({}, 'hello');
  t.match(last(pipe.lines), { msg: 'hello' });
});

t.test('an error with a cause shows both', async (t) => {
  const { lines, log } = capture();
  log.error({ err: knotError('KNOT_X_Y', 500, 'It broke.', { cause: new Error('the disk is full') }) }, 'failed');
  t.match(last(lines), {
    err: { type: 'KnotError', code: 'KNOT_X_Y', message: /It broke.*the disk is full/, stack: /caused by/ },
  });
});

t.test('the level is obeyed', async (t) => {
  const { lines, log } = capture({ level: 'warn' });
  log.info({}, 'no');
  log.warn({}, 'yes');
  t.equal(lines.length, 1);
});

t.test('nothing is lost when the process exits at once', async (t) => {
  const door = new URL('../../gateway/ops/index.ts', import.meta.url).pathname;
  const script = `const { createLog } = await import(${JSON.stringify(door)});
    const log = createLog({ format: 'json', level: 'info' });
    for (let n = 0; n < 500; n++) log.info({ n }, 'line');
    process.exit(3);`;
  const output = (() => {
    try {
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
    return '';
  })();
  t.equal(output.trim().split('\n').length, 500);
});

t.test('property: the fast access line says what JSON says', async (t) => {
  const { lines, log } = capture();
  const access = createAccessLog({ log });
  const number = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e9, noNaN: true }));
  const text = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc.string({ unit: anyCharacter, maxLength: 80 }),
    fc.constant('"\\'),
  );
  const entries = fc.record<AccessEntry>(
    {
      ...{ requestId: text, method: text, host: text, path: text, status: number, user: text, route: text },
      ...{ verdict: text, reason: text, decisionId: text, traceId: text, address: text },
      ...{ bytesIn: number, bytesOut: number, protocol: fc.constantFrom('h1', 'h2', 'ws') },
      ...{ totalMs: number, judgeMs: number, queueMs: number, connectMs: number, upstreamMs: number },
    },
    { requiredKeys: Object.keys(entry) as (keyof AccessEntry)[] },
  );
  fc.assert(
    fc.property(entries, (one) => {
      access(one);
      const { level, time, msg, ...rest } = last(lines);
      const expected: Record<string, unknown> = { ...one };
      t.same([level, typeof time, msg], ['info', 'number', 'access']);
      for (const name of ['totalMs', 'judgeMs', 'queueMs', 'connectMs', 'upstreamMs'] as const) {
        const ms = one[name];
        t.ok(ms === undefined ? rest[name] === undefined : Math.abs(Number(rest[name]) - ms) <= 0.001, name);
        delete rest[name];
        delete expected[name];
      }
      return JSON.stringify(rest) === JSON.stringify(expected) || t.same(rest, JSON.parse(JSON.stringify(expected)));
    }),
    { numRuns: 300 },
  );
});

t.test('one odd character anywhere takes the access line through the escapes', async (t) => {
  const { lines, log } = capture();
  const access = createAccessLog({ log });
  const texts = ['requestId', 'method', 'host', 'path', 'user', 'route', 'verdict', 'reason', 'decisionId', 'address'];
  for (const field of texts) {
    for (let code = 0; code < 0x300; code++) {
      const value = `a${String.fromCharCode(code)}b`;
      access({ ...entry, [field]: value });
      const line = lines.at(-1)!;
      if (last(lines)[field] !== value) t.fail(`${field} ${code}`);
      // eslint-disable-next-line no-control-regex -- control characters are the point
      if (/[\u0000-\u001f\u007f-\u009f]/.test(line.slice(0, -1))) t.fail(`${field} ${code} stands bare`);
    }
  }
  t.equal(lines.length, texts.length * 0x300);
});

t.test('access lines at a level that is off are not written', async (t) => {
  const { lines, log } = capture({ level: 'warn' });
  createAccessLog({ log })(entry);
  t.equal(lines.length, 0);
});
