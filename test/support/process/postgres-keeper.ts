import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Runs PostgreSQL for as long as its own standard input is open, then removes the folder:
 * `node postgres-keeper.ts FOLDER UID GID PROGRAM ARGUMENT…` (UID and GID empty to stay who we are). The pipe closes in
 * whatever way the test process ends, `kill -9` by a runner included, so no server outlives its tests. Lines of standard input
 * are what a test does to the server: `stop fast`, `stop immediate`, `start`, `freeze`, `thaw`; each is answered by `done`.
 */
const [folder = '', uid = '', gid = '', program = '', ...args] = process.argv.slice(2);

let server: ChildProcess;
let isDown = false;

function start(): void {
  server = spawn(program, args, {
    ...(uid === '' ? {} : { uid: Number(uid), gid: Number(gid) }),
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  server.on('error', end);
  server.on('exit', () => void (isDown || end()));
}

function end(): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}

/** The server and all its backends: a stopped parent alone would leave open connections working. */
function signalAll(signal: NodeJS.Signals): void {
  const family = [server.pid!];
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${entry}/stat`, 'utf8');
      if (Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]) === server.pid) family.push(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  for (const pid of family) process.kill(pid, signal);
}

const acts: Record<string, () => Promise<void> | void> = {
  'stop fast': () => stop('SIGINT'),
  'stop immediate': () => stop('SIGQUIT'),
  start() {
    isDown = false;
    start();
  },
  freeze: () => signalAll('SIGSTOP'),
  thaw: () => signalAll('SIGCONT'),
};

async function stop(signal: NodeJS.Signals): Promise<void> {
  isDown = true;
  const ended = new Promise((resolve) => void server.once('exit', resolve));
  server.kill(signal);
  await ended;
}

start();
// SIGQUIT: at once, nothing in there is worth keeping. Interrupting the runner must not leave us before the server is gone.
function leave(): void {
  if (isDown) return end();
  try {
    signalAll('SIGCONT');
  } catch {
    // It has ended by itself.
  }
  server.kill('SIGQUIT');
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
process.stdin.on('error', leave);
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    await acts[line]?.();
    process.stdout.write('done\n');
  })
  .on('close', leave);
