/**
 * Runs a command whenever somebody asks, one at a time, and serves a page with what it says and how it ended. The output goes to the
 * output of the service as well. The command is an argument list; no shell reads it.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { socket: { type: 'string' }, port: { type: 'string' } } });
const { command, folder, runAtStart = true } = JSON.parse(process.env.TEMPLATE_VALUES);
delete process.env.TEMPLATE_VALUES;

/** Of one run, the last is kept; all of it is among the output of the service. */
const mostBytes = 512 * 1024;
const followers = new Set();
let child;
let run = { number: 0, state: 'waiting' };
let said = [];
let saidBytes = 0;
/** Bytes of this run that are not kept any more. */
let forgotten = 0;

function start() {
  if (child) return false;
  run = { number: run.number + 1, state: 'running', startedAt: Date.now() };
  said = [];
  saidBytes = 0;
  forgotten = 0;
  for (const follower of followers) follower.end();
  const [program, ...args] = command;
  const env = { ...process.env, PATH: `${process.env.PATH}:${dirname(process.execPath)}` };
  const current = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child = current;
  current.stdout.on('data', (chunk) => (hear(chunk), process.stdout.write(chunk)));
  current.stderr.on('data', (chunk) => (hear(chunk), process.stderr.write(chunk)));
  current.on('error', (error) => {
    const why =
      error.code === 'ENOENT'
        ? `${program} is not installed on this machine, or the folder ${folder} is not there.`
        : `${program} cannot be started: ${error.message}`;
    hear(Buffer.from(`${why}\n`));
    console.error(why);
    if (current.pid === undefined) end({ state: 'failed' });
  });
  current.on('close', (code, signal) =>
    end(signal ? { state: 'failed', signal } : { state: code === 0 ? 'done' : 'failed', code }),
  );
  return true;
}

function hear(chunk) {
  said.push(chunk);
  saidBytes += chunk.length;
  while (saidBytes > mostBytes) {
    const { length } = said.shift();
    saidBytes -= length;
    forgotten += length;
  }
  for (const follower of followers) follower.write(chunk);
}

function end(how) {
  if (run.endedAt) return;
  child = undefined;
  run = { ...run, ...how, endedAt: Date.now() };
  console.log(how.signal ? `Ended by ${how.signal}.` : `Ended with exit code ${how.code ?? 'unknown'}.`);
  for (const follower of followers) follower.end();
}

function stop() {
  if (!child?.pid) return;
  const { pid } = child;
  const signal = (name) => {
    try {
      process.kill(-pid, name);
    } catch {
      // Gone already.
    }
  };
  signal('SIGTERM');
  setTimeout(() => child?.pid === pid && signal('SIGKILL'), 5000).unref();
}

const files = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
};
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const say = (status, body, type = 'application/json') => {
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(type === 'application/json' ? JSON.stringify(body) : body);
  };
  if (request.method === 'POST' && ['/run', '/stop'].includes(pathname)) {
    // A form of another site cannot send this header (Fetch, "CORS-safelisted request-header").
    if (request.headers['x-requested-by'] === undefined) return say(403, { message: 'Say x-requested-by.' });
    if (pathname === '/stop') stop();
    else if (!start()) return say(409, { message: 'It runs already.' });
    return say(202, stateNow());
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return say(405, { message: 'There is nothing to write here.' });
  if (pathname === '/state') return say(200, stateNow());
  if (pathname === '/output') return follow(response);
  const [file, type] = files[pathname] ?? [];
  if (!file) return say(404, { message: 'There is nothing here.' });
  return say(200, readFileSync(join(import.meta.dirname, file)), type);
});

const stateNow = () => ({ ...run, command, folder, forgotten });

/** What was said so far, then what is said until the run ends. */
function follow(response) {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  for (const chunk of said) response.write(chunk);
  if (!child) return response.end();
  followers.add(response);
  response.on('close', () => followers.delete(response));
}

if (options.socket !== undefined) rmSync(options.socket, { force: true });
server.listen(options.socket ?? Number(options.port), () => runAtStart && start());
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    // What it says at its end is heard, and it has the time that `stop` gives it.
    if (child?.pid) child.once('close', () => process.exit(0));
    else server.close(() => process.exit(0));
    stop();
    server.close();
    server.closeAllConnections();
  });
}
