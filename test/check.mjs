/** `npm run check`: format, lint, types of gateway, tests and dashboard, ranks. Every step runs; any failure fails the whole. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../gateway/bin/prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
await prepare(root, { needsDashboard: false });
const bin = join(root, 'node_modules', '.bin');
const node = join(bin, 'node');

const steps = [
  ['format', join(bin, 'prettier'), ['--check', '--log-level', 'warn', '--cache', '.']],
  ['dashboard setup', join(bin, 'svelte-kit'), ['sync'], join(root, 'dashboard')],
  ['lint', join(bin, 'eslint'), ['--max-warnings', '0', '.']],
  ['types', node, [join(root, 'node_modules/@typescript/native/bin/tsc'), '-p', root]],
  [
    'dashboard types',
    join(bin, 'svelte-check'),
    ['--tsconfig', './tsconfig.json', '--fail-on-warnings', '--output', 'human'],
    join(root, 'dashboard'),
  ],
  ['ranks', node, [join(root, 'test/architecture/ranks.test.ts')]],
];

let failed = 0;
for (const [name, command, args, cwd = root] of steps) {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) {
    failed += 1;
    console.log(`${stdout}${stderr}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
