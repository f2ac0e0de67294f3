/**
 * `npm run cluster`: sets up what the cluster needs (dependencies; its programs, built once) and runs it on the Node of the
 * dependencies until Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../gateway/bin/prepare.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const bin = join(root, 'node_modules', '.bin');

await prepare(root, { needsDashboard: true });
const child = spawn(join(bin, 'node'), [join(root, 'test', 'cluster', 'run.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
});
// The child ends its programs first; a terminal sends Ctrl-C to it as well.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => (process.exitCode = code ?? 1));
