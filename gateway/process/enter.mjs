/**
 * The first program inside the sandbox of a service: becomes the owner's account, and then the service's program. One that listens
 * on a port gets a bridge: what comes to the Unix socket, which the gateway alone reaches, goes on to the port, which nothing
 * outside this sandbox reaches. One that may reach hosts outside gets another, the other way: a port of its own, for programs that only
 * know proxies at one, in front of the socket of the gateway's proxy. One that speaks no HTTP offers its own socket to the owner's other
 * services; at the address people open stands a page that says so. What to do is in KNOT_ENTER, which the program does not get.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPages } from 'node:http';
import { connect, createServer } from 'node:net';
import { constants as system } from 'node:os';

const task = JSON.parse(process.env.KNOT_ENTER);
const { account, command, socket, port, offer, stop, out, waits = false, umask = 0o007 } = task;
delete process.env.KNOT_ENTER;

// Until the gateway has put everything here into its group, which is told by the end of what it says.
if (waits) readFileSync(0);

try {
  // Where memory is short Linux ends services before the gateway (proc_pid_oom_score_adj(5)).
  writeFileSync('/proc/self/oom_score_adj', '500');
} catch {
  // More than that already, or not to be changed here.
}

if (account) {
  // Gives up root for good, before anything of the owner's is touched.
  process.setgroups([]);
  process.setgid(account.gid);
  process.setuid(account.uid);
}
// What is made in a shared folder is for its group; everything else lies below folders that nobody else can enter.
process.umask(umask);
process.chdir(process.env.HOME);

// Left behind by a program that was ended; whoever listens next finds its address taken.
if (socket !== undefined) rmSync(socket, { force: true });

const [program, ...args] = command;
const path = program.includes('/') ? program : inPath(program);
if (port === undefined && out === undefined && offer === undefined)
  process.execve(path, [program, ...args], process.env);
if (port !== undefined) forward(socket, { host: '127.0.0.1', port });
if (out !== undefined) forward({ host: '127.0.0.1', port: out.port }, out.socket);
if (offer !== undefined) page().listen(socket);
start();

/** As execvp(3) finds it. */
function inPath(name) {
  for (const folder of process.env.PATH.split(':')) {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      // In another folder, perhaps.
    }
  }
  console.error(`${name} is not installed on this machine`);
  process.exit(127);
}

/** Everything that comes to one address goes on to another. */
function forward(from, to) {
  const server = createServer({ allowHalfOpen: true }, (outside) => {
    const inside = connect(typeof to === 'string' ? { path: to, allowHalfOpen: true } : { ...to, allowHalfOpen: true });
    for (const [one, other] of [
      [outside, inside],
      [inside, outside],
    ]) {
      one.pipe(other);
      one.on('error', () => other.destroy());
      // Cut short, not ended: what came so far is not all.
      one.on('close', () => !one.readableEnded && other.destroy());
    }
  });
  server.listen(from);
}

/** It answers well while the program accepts connections, and its check says so where it has one: so it is seen that it is ready. */
function page() {
  const { KNOT_SERVICE: name, KNOT_USERNAME: owner } = process.env;
  const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const at = escape(`/run/services/${name}/${offer.file}`);
  const ready = `<p>This speaks ${escape(offer.speaks)}, not the language of web pages. Other services of ${owner} reach it at <code>${at}</code>: name <code>${name}</code> in their values.</p>`;
  return createPages(async (request, response) => {
    if (request.url === '/connections') {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      return response.end(JSON.stringify({ connections: connections() }));
    }
    const isReady = (await accepts()) && (await isWell());
    response.writeHead(isReady ? 200 : 503, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
    });
    response.end(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${name}</title><main style="font:1rem/1.6 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem"><h1>${name}</h1>${isReady ? ready : '<p>It is not ready yet.</p>'}</main></html>`,
    );
  });
}

/** How many are connected to what is offered: 03 is that state (proc(5), /proc/net/unix). */
function connections() {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return lines.filter((line) => line.endsWith(` ${offer.path}`) && line.split(' ')[5] === '03').length;
}

const accepts = () =>
  new Promise((resolve) => {
    const seen = connect(offer.path);
    seen.on('error', () => resolve(false));
    seen.on('connect', () => (seen.destroy(), resolve(true)));
  });

const checkPatienceMs = 5000;
let checking;

/** One at a time, however many ask. */
function isWell() {
  if (offer.check === undefined) return true;
  checking ??= new Promise((resolve) => {
    const [check, ...rest] = offer.check;
    const child = spawn(check, rest, { stdio: 'ignore', timeout: checkPatienceMs });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  }).finally(() => (checking = undefined));
  return checking;
}

function start() {
  const child = spawn(path, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(stop ?? signal));
  child.on('error', (error) => {
    console.error(error.message);
    process.exit(127);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + system.signals[signal]));
}
