/**
 * `npm run check`: format, lint, types of gateway, tests and dashboard, ranks. Every step runs, two at a time with the longest
 * first; any failure fails the whole. The gateway is linted in a process of its own, because its rules read types. What lint and
 * format found right is remembered until the file or a rule changes; a fresh clone (CI) remembers nothing, so that a rule that reads
 * types of other files is tried there on all of them.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../gateway/bin/prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
await prepare(root, { needsDashboard: false });
const bin = join(root, 'node_modules', '.bin');
const node = join(bin, 'node');

const cache = join(root, 'node_modules', '.cache');
const lint = (name, ...what) => {
  const remembered = ['--cache', '--cache-strategy', 'content', '--cache-location', `${cache}/${name}`];
  return ['--max-warnings', '0', ...remembered, ...what];
};
const dashboard = join(root, 'dashboard');
const svelteCheck = ['--tsconfig', './tsconfig.json', '--fail-on-warnings', '--output', 'human'];

const setup = 'dashboard setup';
const steps = [
  ['lint of the gateway', join(bin, 'eslint'), lint('eslint-gateway', 'gateway')],
  [setup, join(bin, 'svelte-kit'), ['sync'], dashboard],
  ['format', join(bin, 'prettier'), ['--check', '--log-level', 'warn', '--cache', '.']],
  ['lint of the rest', join(bin, 'eslint'), lint('eslint', '.', '--ignore-pattern', 'gateway/')],
  ['dashboard types', join(bin, 'svelte-check'), svelteCheck, dashboard],
  ['types', node, [join(root, 'node_modules/@typescript/native/bin/tsc'), '-p', root]],
  ['ranks', node, [join(root, 'test/architecture/ranks.test.ts')]],
];
/** These read what the setup writes. */
const afterSetup = ['lint of the rest', 'dashboard types'];

let failed = 0;
let sayItIsSetUp;
const isSetUp = new Promise((resolve) => (sayItIsSetUp = resolve));
const waiting = [...steps];
const worker = async () => {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    if (afterSetup.includes(step[0])) await isSetUp;
    await runStep(...step);
    if (step[0] === setup) sayItIsSetUp();
  }
};
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
process.exit(failed === 0 ? 0 : 1);

async function runStep(name, command, args, cwd = root) {
  const startedAt = performance.now();
  const { status, output } = await run(command, args, cwd);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status === 0) return;
  failed += 1;
  console.log(output);
}

function run(command, args, cwd) {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ status: 1, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}
