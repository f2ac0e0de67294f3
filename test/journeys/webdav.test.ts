import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { caOf, startGateway } from '../support/process/gateway.ts';
import { treeOf } from '../cli/elsewhere.ts';

/** WebDAV with the programs that people have: rclone, cadaver and davfs2, at a real gateway. */
const run = promisify(execFile);
const gateway = await startGateway({
  config: {
    integrations: { jupyterhub: { mode: 'off' } },
    plans: [{ name: 'small', title: 'Small', defaultFor: ['people', 'teams'], storage: '20 MB' }],
  },
});
t.teardown(() => gateway.stop());
const added = await gateway.knot(
  ['user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'],
  'correct-horse-staple-7',
);
if (added.status !== 0) throw new Error(added.stderr);
const made = await gateway.knot(['token', 'add', 'dav', '--as', 'ann', '--scope', 'files:write', '--json']);
const { secret, token } = JSON.parse(made.stdout) as { secret: string; token: { id: string } };
const ca = caOf(gateway);
const home = mkdtempSync(join(tmpdir(), 'knot-dav-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
// The programs of Debian may give up their rights before they read.
chmodSync(home, 0o755);
const at = (path: string) => join(home, path);
const authorization = `Basic ${Buffer.from(`ann:${secret}`).toString('base64')}`;
const onDisk = (path: string) =>
  execFileSync('find', [join(gateway.data, 'files/private'), '-path', `*/${path}`])
    .toString()
    .trim();

const staged = () => execFileSync('find', [join(gateway.data, 'files/.knot'), '-path', '*/staging/*']).toString();

/** Whether a program is there; where it has to be, it is. */
function has(t: { comment(text: string): unknown }, program: string): boolean {
  if (['/usr/bin', '/usr/sbin', '/sbin'].some((folder) => existsSync(join(folder, program)))) return true;
  if (process.env['CI'] === 'true') throw new Error(`${program} is not installed`);
  t.comment(`skipped: ${program} is not installed`);
  return false;
}

t.test('rclone: a folder there, compared, renamed and away', async (t) => {
  if (!has(t, 'rclone')) return;
  mkdirSync(at('src/deep'), { recursive: true });
  for (const name of ['a & b#1', 'é', '100%', 'x+y']) writeFileSync(at(`src/deep/${name}`), name);
  writeFileSync(at('src/big'), randomBytes(3_000_000));
  const { stdout } = await run('rclone', ['obscure', secret]);
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_KNOT_TYPE: 'webdav',
    RCLONE_CONFIG_KNOT_URL: `${gateway.origin}/dav`,
    RCLONE_CONFIG_KNOT_USER: 'ann',
    RCLONE_CONFIG_KNOT_PASS: stdout.trim(),
  };
  const rclone = (...args: string[]) => run('rclone', ['--ca-cert', gateway.caFile, ...args], { env, cwd: home });
  t.match((await rclone('lsf', 'knot:')).stdout, /^private\/\nshared\/\n/);
  await rclone('copy', 'src', 'knot:private/run');
  t.match((await rclone('check', '--download', 'src', 'knot:private/run')).stderr, /0 differences/);
  await rclone('moveto', 'knot:private/run/big', 'knot:private/run/deep/large');
  await rclone('copy', 'knot:private/run', 'back');
  const back = treeOf(Buffer.from(at('back')));
  t.equal(back['deep/large'], readFileSync(at('src/big'), 'latin1'));
  t.equal(Object.keys(back).length, 6);
  await rclone('purge', 'knot:private/run');
  t.equal((await rclone('lsf', 'knot:private')).stdout, '');
});

t.test('cadaver: puts, locks, puts under its lock, unlocks, gets and moves', async (t) => {
  if (!has(t, 'cadaver')) return;
  // It asks a person whether to trust a certificate, so TLS is ended before it.
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ port: gateway.port, host: '127.0.0.1', servername: 'localhost', ca });
    sockets.add(client).add(upstream);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy() && upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  writeFileSync(at('.netrc'), `machine localhost login ann password ${secret}\n`, { mode: 0o600 });
  const content = randomBytes(100_000);
  writeFileSync(at('doc'), content);
  const commands = [
    ...['mkcol cad', 'cd cad', 'put doc', 'lock doc', 'discover doc', 'put doc', 'unlock doc', 'get doc doc.back'],
    ...['move doc moved', 'ls', 'quit'],
  ];
  const { port } = server.address() as { port: number };
  const child = run('cadaver', [`http://localhost:${port}/dav/private/`], {
    env: { PATH: process.env['PATH'], HOME: home },
    cwd: home,
    timeout: 60_000,
  });
  child.child.stdin!.end(`${commands.join('\n')}\n`);
  const { stdout } = await child;
  t.notMatch(stdout, /failed|error/i, stdout);
  t.match(stdout, /Lock token <urn:uuid:[^]*Unlocking `doc': succeeded[^]*moved +100000/);
  t.ok(readFileSync(at('doc.back')).equals(content));
});

t.test('davfs2: mounts the areas as a folder', async (t) => {
  if (!has(t, 'mount.davfs')) return;
  if (process.getuid?.() !== 0 || !existsSync('/dev/fuse'))
    return t.comment('skipped: mounting needs root and /dev/fuse');
  for (const folder of ['mnt', 'cache']) mkdirSync(at(folder), { mode: 0o777 });
  copyFileSync(gateway.caFile, at('ca.pem'));
  chmodSync(at('ca.pem'), 0o644);
  chmodSync(at('cache'), 0o777);
  writeFileSync(at('secrets'), `${gateway.origin}/dav/ ann ${secret}\n`, { mode: 0o600 });
  const settings = ['use_locks 1', 'ask_auth 0', 'delay_upload 0', `cache_dir ${at('cache')}`];
  writeFileSync(
    at('davfs2.conf'),
    [`trust_ca_cert ${at('ca.pem')}`, `secrets ${at('secrets')}`, ...settings, ''].join('\n'),
    { mode: 0o600 },
  );
  const mounted = spawnSync('mount', [
    '-t',
    'davfs',
    '-o',
    `conf=${at('davfs2.conf')}`,
    `${gateway.origin}/dav/`,
    at('mnt'),
  ]);
  t.equal(mounted.status, 0, String(mounted.stderr));
  const unmount = () => spawnSync('umount', [at('mnt')]).status;
  t.teardown(unmount);
  await run(
    'sh',
    ['-c', 'echo foo > mnt/private/echo.txt && mkdir mnt/private/d && mv mnt/private/echo.txt mnt/private/d/e'],
    {
      cwd: home,
    },
  );
  await run('sh', ['-c', 'echo more >> mnt/private/d/e'], { cwd: home });
  t.equal(readFileSync(at('mnt/private/d/e'), 'utf8'), 'foo\nmore\n');
  t.equal(unmount(), 0);
  t.equal(readFileSync(onDisk('d/e'), 'utf8'), 'foo\nmore\n', 'nothing empty is left');
});

t.test(
  'a body without a length is counted while it comes, and refused without leftovers when it does not fit',
  async (t) => {
    const put = (name: string, bytes: number) =>
      new Promise<number>((resolve, reject) => {
        const url = `${gateway.origin}/dav/private/${name}`;
        const asking = request(url, { method: 'PUT', ca, headers: { authorization } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
          asking.destroy();
        });
        let rest = bytes;
        const piece = Buffer.alloc(256 * 1024);
        const body = new Readable({
          read() {
            this.push(rest > 0 ? piece.subarray(0, Math.min(piece.length, rest)) : null);
            rest -= piece.length;
          },
        });
        asking.on('error', reject);
        body.pipe(asking);
      });
    t.equal(await put('fits', 5_000_000), 201);
    t.equal(await put('large', 60_000_000), 507);
    await eventually('nothing is left of it', async () => staged() === '');
    t.equal(onDisk('large'), '');
    t.not(onDisk('fits'), '');
  },
);

t.test(
  'the methods are understood at /dav alone, by HTTP/1.1 and HTTP/2; a transfer ends with its token',
  async (t) => {
    const session = connectHttp2(gateway.origin, { ca });
    t.teardown(() => session.close());
    const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
      const stream = session.request(
        { ':method': method, ':path': path, authorization, ...headers },
        { endStream: true },
      );
      const [answer] = (await once(stream, 'response')) as [{ ':status': number }];
      stream.close();
      return answer[':status'];
    };
    const ask1 = (method: string, path: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization, depth: '0' };
        request(`${gateway.origin}${path}`, { method, ca, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode!);
        })
          .on('error', reject)
          .end();
      });
    t.equal(await ask('PROPFIND', '/dav/private/', { depth: '0' }), 207);
    t.equal(await ask1('PROPFIND', '/dav/'), 207);
    for (const path of ['/', '/davx', '/api/v1/files/private', '/%64av/private/', '/login']) {
      t.equal(await ask('PROPFIND', path, { depth: '0' }), 405, path);
      t.equal(await ask1('MKCOL', path), 405, path);
    }
    for (const path of [
      '/dav/../api',
      '/dav/%2e%2e/x',
      '/dav/private/..%2f..',
      '/dav//private',
      '/dav/private/a%00b',
    ]) {
      t.equal(await ask('MKCOL', path), 400, path);
    }
    const url = `${gateway.origin}/dav/private/slow`;
    const sending = request(url, { method: 'PUT', ca, headers: { authorization } });
    let isCut = false;
    sending.once('close', () => (isCut = true));
    sending.on('error', () => undefined).write('some');
    await eventually('it began', async () => staged() !== '');
    t.equal((await gateway.knot(['token', 'remove', token.id, '--as', 'ann'])).status, 0);
    await eventually('it is cut', async () => isCut);
    await eventually('nothing is left of it', async () => staged() === '');
    t.equal(await ask('PROPFIND', '/dav/private/', { depth: '0' }), 401);
  },
);
