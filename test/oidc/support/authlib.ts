import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { testCache } from '../../support/process/test-cache.ts';

const run = promisify(execFile);
const requirements = ['Authlib==1.8.0', 'requests==2.32.5'];

/**
 * Python of a virtual environment with Authlib, made once and shared by all runs.
 * @throws when there is no Python 3 or no package index; the test then says so and is skipped, except where CI=true
 */
export async function authlibPython(): Promise<string> {
  const folder = join(testCache, 'venv-authlib');
  const python = join(folder, 'bin', 'python');
  if (await hasAuthlib(python)) return python;
  mkdirSync(testCache, { recursive: true });
  // Another run may make it at the same time: each builds its own and the first one to finish keeps the place.
  const building = `${folder}.${process.pid}`;
  try {
    await run('python3', ['-m', 'venv', '--copies', building], { timeout: 60_000 });
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', ...requirements];
    await run(join(building, 'bin', 'python'), pip, { timeout: 180_000 });
    if (!(await hasAuthlib(python))) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(building, folder);
    }
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return python;
}

async function hasAuthlib(python: string): Promise<boolean> {
  if (!existsSync(python)) return false;
  return await run(python, ['-c', 'import authlib, joserfc, requests']).then(
    () => true,
    () => false,
  );
}

type Answer = Record<string, unknown>;

/** Starts `relying_party.py` and speaks its line protocol. */
export async function startAuthlib(python: string, caFile: string, settings: Record<string, string>) {
  const child = spawn(python, [join(import.meta.dirname, 'relying_party.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, REQUESTS_CA_BUNDLE: caFile },
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function tell(command: Answer): Promise<Answer> {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const line = await lines.next();
    if (line.done) throw new Error(`the relying party ended: ${complaints}`);
    return JSON.parse(line.value) as Answer;
  }

  await tell(settings);
  return { tell, stop: () => void child.kill() };
}
