import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Clock, createManualClock, silentLog } from '../../../gateway/lib/index.ts';
import { openStore, type Store } from '../../../gateway/store/index.ts';
import { startPostgres } from '../process/postgres.ts';

/** An empty database that lives as long as the test. */
export type TestDatabase = {
  url: string;
  kind: Store['kind'];
  clock: ReturnType<typeof createManualClock>;
  store: Store;
  /** Another connection to the same database, as another process would have it. */
  openAgain(clock?: Clock): Promise<Store>;
};

export type OpenDatabase = (t: Test) => Promise<TestDatabase>;

/** Runs the same tests on SQLite (a file) and on PostgreSQL (a server of their own). */
export async function onBothStores(t: Test, suite: (t: Test, open: OpenDatabase) => Promise<void>): Promise<void> {
  // Tells what hangs; how fast a server starts and answers beside other tests is nobody's claim.
  const folder = mkdtempSync(join(tmpdir(), 'knot-sqlite-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  await t.test('on SQLite', (t) => suite(t, (t) => open(t, `sqlite:${join(folder, `${(files += 1)}.db`)}`, 'sqlite')));

  await t.test('on PostgreSQL', async (t) => {
    const postgres = await startPostgres();
    if ('skip' in postgres) return void t.plan(0, postgres.skip);
    t.teardown(postgres.stop);
    let databases = 0;
    let migrated: Promise<string> | undefined;
    await suite(t, async (t) => {
      databases += 1;
      // The first goes the whole way; the others are copies of one that went it, which takes a third of the time.
      const template = databases === 1 ? undefined : await (migrated ??= migrate(await postgres.createDatabase()));
      return open(t, await postgres.createDatabase(template), 'postgres');
    });
  });
}

async function migrate(url: string): Promise<string> {
  await (await openStore({ url, clock: createManualClock(), log: silentLog })).close();
  return url;
}

async function open(t: Test, url: string, kind: Store['kind']): Promise<TestDatabase> {
  const clock = createManualClock();
  const openOne = async (clock: Clock) => {
    const store = await openStore({ url, clock, log: silentLog });
    t.teardown(() => store.close());
    return store;
  };
  return { url, kind, clock, store: await openOne(clock), openAgain: (other = clock) => openOne(other) };
}
