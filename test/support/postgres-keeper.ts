import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Runs PostgreSQL for as long as its own standard input is open, then removes the folder:
 * `node postgres-keeper.ts FOLDER UID GID PROGRAM ARGUMENT…` (UID and GID empty to stay who we are). The pipe closes in
 * whatever way the test process ends, `kill -9` by a runner included, so no server outlives its tests.
 */
const [folder = '', uid = '', gid = '', program = '', ...args] = process.argv.slice(2);

const server = spawn(program, args, {
  ...(uid === '' ? {} : { uid: Number(uid), gid: Number(gid) }),
  cwd: folder,
  stdio: ['ignore', 'ignore', 'inherit'],
});
const end = () => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
};
server.on('error', end);
server.on('exit', end);
// SIGQUIT: at once, nothing in there is worth keeping. Interrupting the runner must not leave us before the server is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => server.kill('SIGQUIT'));
process.stdin.on('error', () => server.kill('SIGQUIT'));
process.stdin.on('close', () => server.kill('SIGQUIT')).resume();
