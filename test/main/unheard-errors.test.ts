import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { listenOn } from '../../gateway/app/listen.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { createRedirectListener } from '../../gateway/proxy/index.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/process/gateway.ts';

/** An `error` event without a listener throws: it would end the gateway. */
t.test('a listener whose accept fails goes on', async (t) => {
  const server = createServer();
  t.teardown(() => server.close());
  await listenOn(server, { host: '127.0.0.1', port: 0 }, silentLog);
  // What Node does when the system says ENFILE, ENOBUFS or ENOMEM (`onconnection` in lib/net.js).
  t.doesNotThrow(() => server.emit('error', new Error('accept ENFILE')));
  t.doesNotThrow(() => server.emit('error', new Error('accept ENFILE')), 'the second time as well');
});

t.test('an address in use is still told to whoever wanted it', async (t) => {
  const first = createServer();
  t.teardown(() => first.close());
  const port = await listenOn(first, { host: '127.0.0.1', port: 0 }, silentLog);
  await t.rejects(listenOn(createServer(), { host: '127.0.0.1', port }, silentLog), {
    code: 'KNOT_APP_ADDRESS_IN_USE',
  });
  const publicAddress = { domain: 'localhost', originOf: () => '' };
  await t.rejects(
    createRedirectListener({
      listen: { host: '127.0.0.1', port },
      publicAddress: publicAddress,
      log: silentLog,
    }),
    { code: 'KNOT_PROXY_LISTEN_FAILED' },
  );
});

const limitDescriptors = (pid: number, most: number) =>
  promisify(execFile)('prlimit', ['--pid', String(pid), `--nofile=${most}:`]);
const hasPrlimit = await promisify(execFile)('prlimit', ['--version']).then(
  () => true,
  () => false,
);

t.test(
  'a gateway without file descriptors refuses and answers again when it has some',
  { skip: !hasPrlimit && 'prlimit is not installed' },
  async (t) => {
    const gateway = await startGateway({ config: { integrations: { jupyterhub: { mode: 'off' } } } });
    t.teardown(() => gateway.stop());
    const open = readdirSync(`/proc/${gateway.pid}/fd`).length;
    await limitDescriptors(gateway.pid, open + 3);
    const sockets: Socket[] = [];
    for (let index = 0; index < 40; index++) {
      const socket = connect(gateway.port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    const { port } = new URL(gateway.ops);
    const asked = connect(Number(port), '127.0.0.1');
    asked.on('error', () => undefined);
    await Promise.race([once(asked, 'close'), once(asked, 'connect')]);
    asked.destroy();
    for (const socket of sockets) socket.destroy();
    await limitDescriptors(gateway.pid, 4096);
    await eventually('it answers again', async () => {
      const answer = await fetch(`${gateway.ops}/readyz`).catch(() => undefined);
      return answer?.status === 200;
    });
    t.notMatch(gateway.output(), /nobody caught/);
  },
);

t.test('a child that cannot be made for want of file descriptors is waited for', { skip: !hasPrlimit }, async (t) => {
  // In a process of its own: the limit would hit the runner.
  const script = `
    import { createSupervisor } from ${JSON.stringify(join(import.meta.dirname, '../../gateway/process/index.ts'))};
    import { silentLog, systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../gateway/lib/index.ts'))};
    import { execFileSync } from 'node:child_process';
    import { openSync } from 'node:fs';
    const supervisor = createSupervisor({ clock: systemClock, log: silentLog, stateFolder: ${JSON.stringify(t.testdir({}))} });
    execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=40:']);
    try { for (;;) openSync('/dev/null'); } catch {}
    const child = supervisor.supervise({ name: 'x', command: process.execPath, args: ['-e', ''], env: {}, cwd: '/', isReady: async () => false });
    child.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    console.log('alive', child.state().status);
    process.exit();`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  t.match(output, /^alive (waiting|failed)/);
});

t.test('a command whose reader is gone ends without a stack', async (t) => {
  const main = join(import.meta.dirname, '../../gateway/main.ts');
  const child = spawn(process.execPath, [main, 'help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  t.notMatch(said, /EPIPE/);
});
