import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { patienceMs } from '../eventually.ts';
import { freePort } from '../net/free-port.ts';
import { testCache } from './test-cache.ts';

/**
 * A real PostgreSQL for tests: a fresh cluster in a temporary folder, on loopback, ended and removed by `stop`.
 *
 *     const postgres = await startPostgres();
 *     if ('skip' in postgres) return t.skip(postgres.skip);
 *     t.teardown(postgres.stop);
 *     const url = await postgres.createDatabase();
 */
export type Postgres = {
  /** `postgres://knot:…@127.0.0.1:PORT/postgres` */
  url: string;
  /** Makes a database and returns its address: empty, or a copy of one that nobody has open. */
  createDatabase(template?: string): Promise<string>;
  /** Runs a statement as superuser, on its own connection. */
  query(statement: string, url?: string): Promise<void>;
  /** `fast` breaks every connection, `immediate` is a crash. Resolves when the server is gone. */
  down(mode: 'fast' | 'immediate'): Promise<void>;
  /** Resolves when it answers again. */
  up(): Promise<void>;
  /** Stops the server and all its backends (SIGSTOP): connections stay open, nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Owned by the account that the server runs as. */
  folder: string;
  stop(): Promise<void>;
};

/** With CI=true a missing PostgreSQL is a failure: what is never run there is never tested. */
export async function startPostgres(): Promise<Postgres | { skip: string }> {
  const binaries = await findPostgres();
  const account = await unprivilegedAccount();
  const reason = !binaries
    ? 'PostgreSQL is not installed (initdb and postgres were not found)'
    : account === undefined
      ? 'PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it as'
      : undefined;
  if (reason === undefined) return start(binaries!, account!);
  if (process.env['CI'] === 'true') throw new Error(reason);
  return { skip: reason };
}

const run = promisify(execFile);

/** What is handed to child processes: empty to stay who we are. */
type Account = { uid?: number; gid?: number };

const password = 'knot-test';

async function start(binaries: string, account: Account): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'knot-postgres-'));
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid!);
  await chmod(folder, 0o700);
  const environment = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC', HOME: folder };
  const data = join(folder, 'data');
  await makeCluster(data, binaries, account, environment);

  const port = await freePort();
  const settings = ['fsync=off', 'shared_buffers=16MB', 'max_connections=60', 'autovacuum=off', 'max_wal_senders=0'];
  const { uid = '', gid = '' } = account;
  const program = [join(binaries, 'postgres'), '-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', ''];
  const serverOptions = settings.flatMap((setting) => ['-c', setting]);
  const keeper = spawn(
    process.execPath,
    [join(import.meta.dirname, 'postgres-keeper.ts'), folder, String(uid), String(gid), ...program, ...serverOptions],
    { env: environment, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  keeper.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    keeper.on('close', () => resolve());
    keeper.on('error', () => resolve());
  });

  async function stop(): Promise<void> {
    keeper.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  }

  const url = `postgres://knot:${password}@127.0.0.1:${port}/postgres`;
  await untilItAnswers();

  async function untilItAnswers(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!(await answers(url))) {
      if (keeper.exitCode !== null || keeper.signalCode !== null || Date.now() > deadline) {
        await stop();
        throw new Error(`PostgreSQL did not start:\n${output}`);
      }
      await delay(50);
    }
  }

  const answersOfKeeper = createInterface({ input: keeper.stdout });
  async function tell(act: string): Promise<void> {
    const done = once(answersOfKeeper, 'line');
    keeper.stdin.write(`${act}\n`);
    await done;
  }

  let databases = 0;
  return {
    url,
    stop,
    query: (statement, address = url) => query(address, statement),
    down: (mode) => tell(`stop ${mode}`),
    async up() {
      await tell('start');
      await untilItAnswers();
    },
    freeze: () => tell('freeze'),
    thaw: () => tell('thaw'),
    folder,
    async createDatabase(template) {
      databases += 1;
      const name = `knot_${process.pid}_${databases}`;
      const copied = template === undefined ? '' : ` template ${new URL(template).pathname.slice(1)}`;
      await query(url, `create database ${name}${copied}`);
      return url.replace(/postgres$/, name);
    },
  };
}

/**
 * A cluster that nobody has used yet. Making one takes a second, copying one a tenth of it: the first is kept in the cache of the
 * tests, by the program that made it and the account that owns it.
 */
async function makeCluster(data: string, binaries: string, account: Account, env: NodeJS.ProcessEnv): Promise<void> {
  const { stdout: version } = await run(join(binaries, 'initdb'), ['--version']);
  const key = createHash('sha256').update(JSON.stringify([binaries, version, account, clusterOptions]));
  const kept = join(testCache, `postgres-${key.digest('hex').slice(0, 12)}`);
  if (await copyCluster(kept, data)) return;
  const passwordFile = join(dirname(data), 'password');
  await writeFile(passwordFile, password);
  if (account.uid !== undefined) await chown(passwordFile, account.uid, account.gid!);
  const options = { ...account, cwd: dirname(data), env };
  await run(join(binaries, 'initdb'), ['-D', data, '--pwfile', passwordFile, ...clusterOptions], options);
  await mkdir(testCache, { recursive: true });
  const fresh = await mkdtemp(`${kept}-`);
  await copyCluster(data, join(fresh, 'data'));
  // Whoever comes second finds it there.
  await rename(join(fresh, 'data'), kept).catch(() => undefined);
  await rm(fresh, { recursive: true, force: true });
}

const clusterOptions = ['-U', 'knot', '-A', 'scram-sha-256', '-E', 'UTF8', '--no-sync'];

/** Copies a cluster with what its files belong to; false when there is none. */
async function copyCluster(from: string, to: string): Promise<boolean> {
  if (!existsSync(join(from, 'PG_VERSION'))) return false;
  await run('cp', ['-a', from, to]);
  return true;
}

async function query(url: string, statement: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  );
}

/** The folder with `initdb` and `postgres`: what `pg_config` names, the newest one Debian keeps, or one on the PATH. */
export async function findPostgres(): Promise<string | undefined> {
  const configured = await run('pg_config', ['--bindir']).then(
    ({ stdout }) => [stdout.trim()],
    () => [],
  );
  const debian = '/usr/lib/postgresql';
  const versions = list(debian).sort((a, b) => Number(b) - Number(a));
  const folders = [
    ...configured,
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => isExecutable(join(folder, name))));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`. */
async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return {};
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((fields) => fields[0] === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
