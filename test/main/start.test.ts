import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t from 'tap';
import { request } from 'undici';
import { caOf, type RunningGateway, runKnot, startGateway } from '../support/process/gateway.ts';

const tool = "console.log(require('path').sep)";
const quiet = { integrations: { jupyterhub: { mode: 'off' } } };

t.test('a start that cannot succeed says what, where and what to do, and exits with its status', async (t) => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  t.teardown(() => taken.close());
  const takenAddress = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const folder = t.testdir({
    'half.yaml': 'domain: localhost\napps: [{name: ec',
    'letter.db': 'not a database '.repeat(500),
    'cert.pem': 'this is no certificate',
    'key.pem': 'this is no key',
    'pair.yaml':
      'tls: {cert: cert.pem, key: key.pem}\nintegrations: {jupyterhub: {mode: "off"}}\nlisten: "127.0.0.1:0"\nops: "127.0.0.1:0"\ndata: data-pair\n',
    'off.yaml': 'integrations: {jupyterhub: {mode: "off"}}\nlisten: "127.0.0.1:0"\nops: "127.0.0.1:0"\n',
  });
  const off = ['--config', join(folder, 'off.yaml'), '--data', join(folder, 'data')];
  const cases: [what: string, args: string[], status: number, message: RegExp][] = [
    [
      'port in use',
      [...off, '--listen', takenAddress],
      1,
      new RegExp(`Another program listens on ${takenAddress}[^]*--listen`),
    ],
    ['ops port in use', [...off, '--ops', takenAddress], 1, /--ops|ops/],
    ['unknown flag', ['--lisen', 'x'], 2, /unknown flag --lisen; did you mean --listen\?/],
    ['unknown command', ['strat'], 2, /unknown command "strat"/],
    ['flag without value', ['--listen'], 2, /--listen/],
    ['invalid domain', [...off, '--domain', 'Not_A_Domain'], 1, /domain \(from --domain\)[^]*"Not_A_Domain"/],
    ['invalid address', [...off, '--listen', 'nowhere'], 1, /listen \(from --listen\)/],
    ['file that is not there', ['--config', join(folder, 'nowhere.yaml')], 1, /nowhere\.yaml cannot be read/],
    ['half-written file', ['--config', join(folder, 'half.yaml')], 1, /half\.yaml:2:\d+ is not valid YAML/],
    ['certificate that is none', ['--config', join(folder, 'pair.yaml')], 1, /cert\.pem|key\.pem/],
    [
      'corrupt database',
      [...off, '--database', `sqlite:${join(folder, 'letter.db')}`],
      1,
      /damaged or not a database[^]*backup/,
    ],
    [
      'database that does not answer',
      [...off, '--database', 'postgres://knot:hunter2@127.0.0.1:9/knot'],
      1,
      /does not answer/,
    ],
  ];
  for (const [what, args, status, message] of cases) {
    const result = await runKnot(args[0]!.startsWith('--') ? ['start', ...args] : args);
    t.equal(result.status, status, `${what}: exit status`);
    t.match(result.stderr, message, `${what}: ${result.stderr.slice(0, 200)}`);
    t.notMatch(result.stderr, /\n\s+at |hunter2/, `${what}: no stack, no password`);
  }
  t.equal(
    readFileSync(join(folder, 'letter.db'), 'utf8'),
    'not a database '.repeat(500),
    'the corrupt file is left as it was',
  );
});

t.test('starts on one data folder', async (t) => {
  // It lies inside an ES module package.
  const folder = t.testdir({
    'package.json': '{"type":"module"}',
    data: { home: { 'tool.js': tool } },
    policies: { 'broken.cedar': 'permit(' },
  });
  const data = join(folder, 'data');
  const first = await startGateway({ config: quiet, data });
  t.teardown(() => first.stop());
  t.ok(first.setupLink);
  const ca = caOf(first);

  await t.test('a second gateway on it is refused and the first goes on', async (t) => {
    const second = await runKnot([
      ...['start', '--data', data, '--policies', first.policies, '--listen', '127.0.0.1:0', '--ops', '127.0.0.1:0'],
    ]);
    t.equal(second.status, 1);
    t.match(second.stderr, /Another gateway is running on the data folder[^]*--data DIR/);
    t.equal((await request(`${first.ops}/readyz`)).statusCode, 200);
  });

  await t.test('a CommonJS tool works in it', async (t) => {
    const ran = spawnSync(process.execPath, [join(data, 'home', 'tool.js')], { encoding: 'utf8' });
    t.match({ status: ran.status, stdout: ran.stdout }, { status: 0, stdout: '/\n' }, ran.stderr);
  });

  await t.test('TLS speaks 1.2 and newer, HTTP/2 and HTTP/1.1, and only our names', async (t) => {
    const handshake = (options: object) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: first.port, ca, servername: 'localhost', ...options }, () => {
          resolve(`${socket.getProtocol()} ${socket.alpnProtocol || 'none'}`);
          socket.destroy();
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(`refused ${error.code}`));
      });
    t.equal(await handshake({ ALPNProtocols: ['h2', 'http/1.1'] }), 'TLSv1.3 h2');
    t.equal(await handshake({ ALPNProtocols: ['http/1.1'] }), 'TLSv1.3 http/1.1');
    t.match(await handshake({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2/);
    t.match(await handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }), /refused/);
    t.match(await handshake({ servername: 'evil.example.org' }), /refused/);
    t.match(await handshake({ servername: 'a.b.localhost' }), /refused/);
  });

  await t.test('metrics and health are on their own loopback listener only', async (t) => {
    const metrics = await request(`${first.ops}/metrics`);
    t.equal(metrics.statusCode, 200);
    t.match(await metrics.body.text(), /knot_requests_total/);
    t.equal((await request(`${first.ops}/readyz`)).statusCode, 200);
  });

  const add = (gateway: RunningGateway, name: string, ...flags: string[]) =>
    gateway.knot(
      ['user', 'add', name, '--email', `${name}@example.org`, ...flags, '--password-file', '-'],
      'correct-horse-staple-7',
    );
  t.equal((await add(first, 'ann', '--admin')).status, 0);
  t.equal(await first.signal('SIGTERM'), 0, 'SIGTERM');

  await t.test(
    'the second is quick, keeps everything, prints no setup link, and warns of unsafe choices',
    async (t) => {
      const second = await startGateway({ config: { ...quiet, ops: '0.0.0.0:0' }, data });
      t.teardown(() => second.stop());
      t.equal(second.setupLink, undefined, 'there is an admin');
      t.equal(caOf(second), ca);
      t.comment(`ready after ${Math.round(second.readyMs)} ms`);
      t.match(second.output(), /you MUST keep the ops listener/);
      writeFileSync(join(second.policies, 'broken.cedar'), 'permit(');
      await second.line(/broken\.cedar/);
      t.pass('a broken policy is named in the log');
      t.equal((await add(second, 'bob')).status, 0);
      await second.signal('SIGKILL');
    },
  );

  await t.test('kill -9 leaves nothing that keeps the next start from working', async (t) => {
    const third = await startGateway({ config: quiet, data });
    t.teardown(() => third.stop());
    t.match((await third.knot(['user', 'list', '--json'])).stdout, /"ann"[^]*"bob"/);
    t.equal(await third.signal('SIGINT'), 0, 'SIGINT');
  });

  await t.test('nor does the end of a terminal; what is unsafe or without effect is said at the start', async (t) => {
    const fourth = await startGateway({
      config: {
        ...{ ...quiet, domain: 'knot.example.test', appsDomain: 'apps.example.test' },
        policies: join(folder, 'policies'),
        apps: [{ name: 'open', upstream: 'http://127.0.0.1:9', publicPaths: ['/'] }],
      },
      data,
      environment: { HTTPS_PROXY: 'http://127.0.0.1:9' },
    });
    t.teardown(() => fourth.stop());
    t.match(fourth.output(), /"msg":"configuration read"/);
    t.match(fourth.output(), /apps\[0\]\.publicPaths lets everybody reach all of \\"open\\" without signing in/);
    t.match(fourth.output(), /apps\.example\.test and knot\.example\.test may belong to one registered name/);
    t.match(fourth.output(), /a proxy in the environment has no effect/);
    t.match(fourth.output(), /certificate authority: import it once/);
    t.equal((await request(`${fourth.ops}/readyz`)).statusCode, 503, 'without any policies it refuses everybody');
    t.equal(await fourth.signal('SIGHUP'), 0, 'SIGHUP');
  });
});
