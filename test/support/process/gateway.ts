import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { stringify } from 'yaml';
import { patienceMs } from '../eventually.ts';

const repository = join(import.meta.dirname, '../../..');

export type RunningGateway = {
  origin: string;
  port: number;
  /** Origin of the metrics listener. */
  ops: string;
  /** One-time link of the first admin, if one was printed. */
  setupLink: string | undefined;
  data: string;
  policies: string;
  caFile: string;
  pid: number;
  /** Milliseconds from the spawn to the ready line. */
  readyMs: number;
  /** Everything printed so far. */
  output(): string;
  /** Resolves with the first line that matches, also one printed before. */
  line(pattern: RegExp, withinMs?: number): Promise<string>;
  /** Runs a `knot` command on the same store, in this process: each process of its own would take half a second of a processor. */
  knot(args: string[], input?: string): Promise<{ status: number; stdout: string; stderr: string }>;
  signal(name: NodeJS.Signals): Promise<number | null>;
  stop(): Promise<void>;
};

export type GatewayOptions = {
  config?: Record<string, unknown>;
  /** Reused when given, else made and removed. */
  data?: string;
  environment?: Record<string, string>;
  args?: string[];
  /** Starts its process somewhere else than here: in the network of a node. */
  launch?(command: readonly [string, ...string[]], options: SpawnOptions): ChildProcess;
};

/**
 * Starts a real gateway process on free loopback ports with its own data and policies folder. Applications get nothing but what
 * a test sends, unless it asks for `probe`.
 */
export async function startGateway({
  config = {},
  data,
  environment = {},
  args = [],
  launch = ([program, ...words], options) => spawn(program, words, options),
}: GatewayOptions = {}): Promise<RunningGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-test-'));
  const dataFolder = data ?? join(folder, 'data');
  const policies = join(folder, 'policies');
  cpSync(join(repository, 'policies'), policies, { recursive: true });
  const file = join(folder, 'knot.yaml');
  writeFileSync(
    file,
    stringify({
      listen: '127.0.0.1:0',
      ops: '127.0.0.1:0',
      data: dataFolder,
      policies,
      log: { format: 'json', level: 'info' },
      ...config,
      ...(Array.isArray(config['apps']) && { apps: config['apps'].map((app: object) => ({ probe: false, ...app })) }),
    }),
  );

  const startedAt = performance.now();
  const command = [
    process.execPath,
    join(repository, 'gateway', 'main.ts'),
    'start',
    '--config',
    file,
    ...args,
  ] as const;
  const child = launch([...command], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environmentForChild(), ...environment },
  });
  const lines = watchLines(child);
  const ready = await lines.first(/ready https:\/\//, 180_000).catch(async (error: unknown) => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const readyMs = performance.now() - startedAt;
  const origin = /ready (https:\/\/[^\s"]+)/.exec(ready)![1]!;
  // In JSON the ready line is the last one of a start; for people there are some more below it, and the log comes on a line of its own.
  if (!ready.startsWith('{')) {
    await lines.first(/Ctrl-C/, 60_000);
    await lines.first(/ops listener/, 5000).catch(() => undefined);
  }
  const setup = lines.find(/\/setup\/[A-Za-z0-9_-]+/);
  const ops = lines.find(/ops listener/) ?? '';

  return {
    origin,
    port: Number(new URL(origin).port),
    ops: /https?:\/\/127\.0\.0\.1:\d+/.exec(ops)?.[0] ?? '',
    setupLink: setup === undefined ? undefined : /https:\/\/[^\s"]+\/setup\/[A-Za-z0-9_-]+/.exec(setup)?.[0],
    data: dataFolder,
    policies,
    caFile: join(dataFolder, 'tls', 'ca.pem'),
    pid: child.pid!,
    readyMs,
    output: lines.text,
    line: (pattern, withinMs = patienceMs) => lines.first(pattern, withinMs),
    knot: (words, input) => knotHere([...words, '--config', file], input, environment),
    async signal(name) {
      child.kill(name);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
        await once(child, 'exit');
        clearTimeout(timer);
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What `gateway/main.ts` does with a command. In a process of its own where the gateway has an environment of its own. */
async function knotHere(
  args: string[],
  input: string | undefined,
  environment: Record<string, string>,
): ReturnType<typeof runKnot> {
  const isKnots = (name: string): boolean => name.startsWith('KNOT_') && name !== 'KNOT_TEST_CACHE';
  const isPlain = Object.keys(environment).length === 0 && !Object.keys(process.env).some(isKnots);
  if (!isPlain) return runKnot(args, input, environment);
  const { runCommand } = await import('../../../gateway/cli/index.ts');
  const said = { stdout: '', stderr: '' };
  const into = (name: keyof typeof said) =>
    new Writable({
      write(chunk, _encoding, done) {
        said[name] += String(chunk);
        done();
      },
    });
  const stdin = Readable.from(input === undefined ? [] : [input]);
  const umask = process.umask(0o077);
  try {
    const status = await runCommand(args, { stdin, stdout: into('stdout'), stderr: into('stderr') });
    return { status, ...said };
  } finally {
    process.umask(umask);
  }
}

/** Runs `knot` to its end, or until `signal` ends it by `endWith`; `onOutput` gets all of its standard output each time there is more. */
export async function runKnot(
  args: string[],
  input?: string,
  environment: Record<string, string> = {},
  {
    signal,
    endWith = 'SIGKILL',
    onOutput,
  }: { signal?: AbortSignal; endWith?: NodeJS.Signals; onOutput?: (stdout: string) => void } = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(repository, 'gateway', 'main.ts'), ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...environmentForChild(), ...environment },
  });
  signal?.addEventListener('abort', () => child.kill(endWith));
  if (input !== undefined) child.stdin!.end(input);
  const collect = async (stream: NodeJS.ReadableStream, onMore?: (text: string) => void) => {
    let text = '';
    for await (const chunk of stream) {
      text += String(chunk);
      onMore?.(text);
    }
    return text;
  };
  const [stdout, stderr, [status]] = await Promise.all([
    collect(child.stdout!, onOutput),
    collect(child.stderr!),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { status, stdout, stderr };
}

/** The environment without what a developer may have set for an own gateway. */
function environmentForChild(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('KNOT_') || name === 'KNOT_TEST_CACHE');
  return { ...Object.fromEntries(kept), NODE_COMPILE_CACHE: join(repository, 'node_modules', '.cache', 'knot') };
}

function watchLines(child: ChildProcess) {
  const seen: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const find = (pattern: RegExp): string | undefined => seen.find((line) => pattern.test(line));
  const take = (line: string): void => {
    seen.push(line);
    for (const check of waiting) check(line);
  };
  createInterface({ input: child.stdout! }).on('line', take);
  createInterface({ input: child.stderr! }).on('line', take);
  return {
    text: () => seen.join('\n'),
    find,
    first(pattern: RegExp, withinMs: number): Promise<string> {
      const known = find(pattern);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(check);
          child.off('exit', onExit);
        };
        const check = (line: string): void => {
          if (!pattern.test(line)) return;
          done();
          resolve(line);
        };
        const fail = (why: string): void => {
          done();
          reject(new Error(`${why} before a line matched ${pattern}:\n${seen.slice(-30).join('\n')}`));
        };
        const onExit = (): void => void setImmediate(() => fail('the gateway ended'));
        const timer = setTimeout(() => fail(`${withinMs} ms passed`), withinMs);
        waiting.add(check);
        child.on('exit', onExit);
      });
    },
  };
}

export function caOf(gateway: Pick<RunningGateway, 'caFile'>): string {
  return readFileSync(gateway.caFile, 'utf8');
}
