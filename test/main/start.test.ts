import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t from 'tap';
import { request } from 'undici';
import { caOf, runKnot, startGateway } from '../support/process/gateway.ts';

t.setTimeout(300_000);
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

t.test('a second gateway on the same data folder is refused and the first goes on', async (t) => {
  const first = await startGateway({ config: quiet });
  t.teardown(() => first.stop());
  const second = await runKnot([
    'start',
    '--data',
    first.data,
    '--policies',
    first.policies,
    '--listen',
    '127.0.0.1:0',
    '--ops',
    '127.0.0.1:0',
  ]);
  t.equal(second.status, 1);
  t.match(second.stderr, /Another gateway is running on the data folder[^]*--data DIR/);
  t.equal((await request(`${first.ops}/readyz`)).statusCode, 200);
});

t.test('the second start is quick, keeps everything and prints no setup link once there is an admin', async (t) => {
  const first = await startGateway({ config: quiet });
  const { data } = first;
  t.ok(first.setupLink);
  const ca = caOf(first);
  t.equal(
    (
      await first.knot(
        ['user', 'add', 'ann', '--email', 'ann@example.org', '--admin', '--password-file', '-'],
        'correct-horse-staple-7',
      )
    ).status,
    0,
  );
  t.equal(await first.signal('SIGTERM'), 0);
  const second = await startGateway({ config: quiet, data });
  t.teardown(async () => {
    await second.stop();
    await first.stop();
  });
  t.equal(second.setupLink, undefined);
  t.equal(caOf(second), ca);
  t.comment(`ready after ${Math.round(second.readyMs)} ms`);
});

t.test('SIGINT, SIGTERM and the end of the parent stop it with status 0', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const gateway = await startGateway({ config: quiet });
    t.equal(await gateway.signal(signal), 0, signal);
    await gateway.stop();
  }
});

t.test('kill -9 leaves nothing that keeps the next start from working', async (t) => {
  const first = await startGateway({ config: quiet });
  await first.knot(
    ['user', 'add', 'ann', '--email', 'ann@example.org', '--admin', '--password-file', '-'],
    'correct-horse-staple-7',
  );
  await first.signal('SIGKILL');
  const second = await startGateway({ config: quiet, data: first.data });
  t.teardown(async () => {
    await second.stop();
    await first.stop();
  });
  t.match((await second.knot(['user', 'list', '--json'])).stdout, /"ann"/);
});

t.test('TLS speaks 1.2 and newer, HTTP/2 and HTTP/1.1, and only our names', async (t) => {
  const gateway = await startGateway({ config: quiet });
  t.teardown(() => gateway.stop());
  const ca = caOf(gateway);
  const handshake = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: gateway.port, ca, servername: 'localhost', ...options }, () => {
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

t.test('metrics and health are on their own loopback listener only', async (t) => {
  const gateway = await startGateway({ config: quiet });
  t.teardown(() => gateway.stop());
  const metrics = await request(`${gateway.ops}/metrics`);
  t.equal(metrics.statusCode, 200);
  t.match(await metrics.body.text(), /knot_requests_total/);
  t.equal((await request(`${gateway.ops}/readyz`)).statusCode, 200);
});

t.test('unsafe choices warn at every start', async (t) => {
  const gateway = await startGateway({ config: { ...quiet, ops: '0.0.0.0:0' } });
  t.teardown(() => gateway.stop());
  t.match(gateway.output(), /you MUST keep the ops listener/);
  writeFileSync(join(gateway.policies, 'broken.cedar'), 'permit(');
  await gateway.line(/broken\.cedar/);
  t.pass('a broken policy is named in the log');
});

t.test('a CommonJS tool works in the data folder, although that lies inside an ES module package', async (t) => {
  const folder = t.testdir({
    'package.json': '{"type":"module"}',
    data: { home: { 'tool.js': "console.log(require('path').sep)" } },
  });
  const gateway = await startGateway({ config: quiet, data: join(folder, 'data') });
  t.teardown(() => gateway.stop());
  const tool = spawnSync(process.execPath, [join(folder, 'data', 'home', 'tool.js')], { encoding: 'utf8' });
  t.match({ status: tool.status, stdout: tool.stdout }, { status: 0, stdout: '/\n' }, tool.stderr);
});
