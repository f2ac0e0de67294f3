/**
 * Programs that Go builds for the tests, once, into a folder of the tests' cache that is named for what decides how they come out.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { testCache } from './test-cache.ts';

/** Another checkout may still use a folder that is no longer ours. */
const unusedForMs = 7 * 24 * 3600 * 1000;

export const hasGo = (): boolean => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;

/** As the `go.mod` of a module requires it. */
export function requiredVersion(module: string, name: string): string {
  const version = readFileSync(join(module, 'go.mod'), 'utf8')
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find(([path]) => path === name)?.[1];
  if (version === undefined) throw new Error(`${module}/go.mod does not require ${name}`);
  return version;
}

/**
 * A small program that a test needs, built from the one package of its module, or from one (`from`) that the module names as a tool. Resolves with its file.
 * With CI=true it is an error when Go is not there: what is never run there is never tested.
 */
export async function goProgram(name: string, module: string, from = '.'): Promise<string | { skip: string }> {
  const folder = folderOf(name, module);
  const file = join(folder, name);
  const isComplete = (): boolean => existsSync(file);
  if (isComplete()) {
    markUsed(folder);
    return file;
  }
  if (!hasGo()) {
    const skip = 'Go is not installed';
    if (process.env['CI'] === 'true') throw new Error(skip);
    return { skip };
  }
  await makeOnce(name, folder, isComplete, (unfinished) =>
    runGo(module, ['build', '-ldflags', '-s -w', '-o', join(unfinished, name), from]),
  );
  return file;
}

/**
 * `KIND-HASH` of the cache, for what is built of a module, and with which flags where they may change. The version of Go is not in it: a
 * newer one makes no other programs.
 */
export function folderOf(kind: string, module: string, ...flags: readonly string[]): string {
  const hash = createHash('sha256').update([process.platform, process.arch, ...flags].join(' '));
  for (const file of globSync('**/*', { cwd: module }).sort()) {
    if (!statSync(join(module, file)).isFile()) continue;
    hash.update(`\0${file}\0`).update(readFileSync(join(module, file)));
  }
  return join(testCache, `${kind}-${hash.digest('hex').slice(0, 12)}`);
}

/** So that it does not go with the next build. */
export function markUsed(folder: string): void {
  utimesSync(folder, new Date(), new Date());
}

/**
 * Into a folder beside it first: another process sees all of it or nothing. Who comes while one builds waits for that one: two at once
 * compile the same packages twice, and both take twice as long.
 */
export async function makeOnce(
  kind: string,
  folder: string,
  isComplete: (folder: string) => boolean,
  make: (unfinished: string) => Promise<void>,
): Promise<void> {
  const release = await turnOf(folder);
  try {
    if (!isComplete(folder)) await makeNow(kind, folder, isComplete, make);
  } finally {
    release();
  }
}

/**
 * Resolves when no other process makes the same folder; what it resolves with lets the next one. Held as an abstract socket of Linux, which
 * is gone with its process however that ends (unix(7)); elsewhere nobody waits.
 */
async function turnOf(folder: string): Promise<() => void> {
  if (process.platform !== 'linux') return () => undefined;
  const path = `\0knot-tests-${createHash('sha256').update(folder).digest('hex')}`;
  for (;;) {
    const waiting = new Set<Socket>();
    const server = createServer((socket) => waiting.add(socket.on('error', () => undefined)));
    try {
      await once(server.listen(path), 'listening');
      return () => {
        server.close();
        for (const socket of waiting) socket.destroy();
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      // Open for as long as the other one is at work; refused where it has just ended.
      await new Promise((resolve) =>
        connect(path)
          .on('error', () => undefined)
          .on('close', resolve),
      );
    }
  }
}

async function makeNow(
  kind: string,
  folder: string,
  isComplete: (folder: string) => boolean,
  make: (unfinished: string) => Promise<void>,
): Promise<void> {
  await mkdir(testCache, { recursive: true });
  const unfinished = await mkdtemp(join(testCache, `.${kind}-`));
  console.error(`Building the programs of the test ${kind}: minutes the first time, seconds when Go has them cached …`);
  const startedAt = performance.now();
  try {
    await make(unfinished);
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!isComplete(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  console.error(`Built in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);
  await removeUnused(kind, folder);
}

async function removeUnused(kind: string, current: string): Promise<void> {
  const isOfKind = new RegExp(`^(${kind}-[0-9a-f]{12}|\\.${kind}-.*)$`);
  for (const name of await readdir(testCache)) {
    const folder = join(testCache, name);
    if (!isOfKind.test(name) || folder === current) continue;
    if (Date.now() - statSync(folder).mtimeMs > unusedForMs) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs one command of Go in a module.
 * @throws when it fails
 */
export async function runGo(module: string, args: readonly string[]): Promise<void> {
  const child = spawn('go', args, {
    cwd: module,
    // -trimpath as a flag of every command of Go: one without it would compile all of this again.
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -trimpath' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (status !== 0) throw new Error(`go ${args[0]} ${args.at(-1)} failed (${String(status)})`);
}
