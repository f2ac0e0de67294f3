import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { testCache } from './test-cache.ts';

/** Another checkout may still use a folder that is no longer ours. */
const unusedForMs = 7 * 24 * 3600 * 1000;

/**
 * A small program in Go that a test needs, built from its module once, into the cache of the tests. Resolves with its file.
 * With CI=true it is an error when Go is not there: what is never run there is never tested.
 */
export async function goProgram(name: string, module: string): Promise<string | { skip: string }> {
  const folder = join(testCache, `${name}-${hashOf(module)}`);
  const file = join(folder, name);
  if (existsSync(file)) {
    utimesSync(folder, new Date(), new Date());
    return file;
  }
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    const skip = 'Go is not installed';
    if (process.env['CI'] === 'true') throw new Error(skip);
    return { skip };
  }
  await build(name, module, folder);
  return file;
}

/** Into a folder beside it first: another process sees all of it or nothing. */
async function build(name: string, module: string, folder: string): Promise<void> {
  await mkdir(testCache, { recursive: true });
  const unfinished = await mkdtemp(join(testCache, `.${name}-`));
  try {
    const child = spawn('go', ['build', '-ldflags', '-s -w', '-o', join(unfinished, name), '.'], {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -trimpath' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const status = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', resolve);
    });
    if (status !== 0) throw new Error(`go build of ${name} failed (${String(status)})`);
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(join(folder, name))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  for (const other of readdirSync(testCache)) {
    const path = join(testCache, other);
    const isOurs = other.startsWith(`${name}-`) || other.startsWith(`.${name}-`);
    if (isOurs && path !== folder && Date.now() - statSync(path).mtimeMs > unusedForMs)
      await rm(path, { recursive: true, force: true });
  }
}

function hashOf(module: string): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of readdirSync(module).sort()) hash.update(`\0${file}\0`).update(readFileSync(join(module, file)));
  return hash.digest('hex').slice(0, 12);
}
