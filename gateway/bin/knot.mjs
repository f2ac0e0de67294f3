#!/usr/bin/env node
/**
 * The `knot` command, in plain JavaScript that an old system Node (20) can run: it installs what is missing, then hands over
 * to the Node that came with the dependencies, which runs the TypeScript sources directly.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { develop } from './dev.mjs';
import { prepare } from './prepare.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [command = 'start', ...rest] = process.argv.slice(2);
const isServing =
  command === 'start' ||
  command === 'dev' ||
  (command.startsWith('--') && command !== '--help' && command !== '--version');

// Unheard, it would end what is just being prepared.
process.on('SIGUSR2', () => undefined);

try {
  if (isServing) await prepare(root, { needsDashboard: command !== 'dev' });
} catch (error) {
  process.stderr.write(`knot: ${error.message}\n`);
  process.exit(1);
}

const node = localNode();
if (!node) {
  process.stderr.write(
    `knot: Node ${process.versions.node} is too old to run Knot (24.12 or newer is needed) and the one that comes with the\n` +
      'dependencies is not installed. Run `npm ci` in the folder of Knot, or install a newer Node.\n',
  );
  process.exit(1);
}

const environment = { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'knot'), ...process.env };
if (command === 'dev') develop(root, node, rest, environment);
else hand(node, [command, ...rest]);

/** Runs the real thing and ends as it ends, or starts it anew when it asks for that (`knot restart`). */
function hand(node, args) {
  let isAskedAgain = false;
  const child = spawn(node, [join(root, 'gateway', 'main.ts'), ...args], {
    // The channel tells the gateway when this process is gone, in whatever way: nothing is left behind.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: environment,
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
  for (const signal of signals) process.removeAllListeners(signal).on(signal, () => child.kill(signal));
  child.on('message', (message) => (isAskedAgain ||= message === 'knot:again'));
  child.on('error', (error) => {
    process.stderr.write(`knot: cannot run ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (isAskedAgain && !signal && code === 0) return void startAgain(node, args);
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exit(code ?? 1);
  });
}

/** A new release may need other packages; what people run goes on meanwhile, and ends after a while when this fails. */
async function startAgain(node, args) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
  try {
    await prepare(root, { needsDashboard: true });
  } catch (error) {
    process.stderr.write(`knot: ${error.message}\n`);
    process.exit(1);
  }
  hand(node, args);
}

/** The Node binary of the platform package, else this one when it is new enough. */
function localNode() {
  const installed = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(installed)) return installed;
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 12) ? process.execPath : undefined;
}
