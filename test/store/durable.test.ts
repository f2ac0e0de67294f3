import fs, { readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { eventually } from '../support/eventually.ts';

/** What stands between a commit and its acknowledgement is one call of the system; here it is held up, and made to fail. */
type Sync = { file: string; finish(error?: Error): void };
const syncs: Sync[] = [];
let isHeld = false;
const { fdatasync } = fs;
Object.assign(fs, {
  fdatasync(descriptor: number, done: (error: Error | null) => void) {
    const file = readlinkSync(`/proc/self/fd/${descriptor}`);
    const finish = (error?: Error): void => (error ? done(error) : fdatasync(descriptor, done));
    if (isHeld) syncs.push({ file, finish });
    else finish();
  },
});
syncBuiltinESMExports();
const { openStore } = await import('../../gateway/store/index.ts');

const linux = { skip: process.platform === 'linux' ? false : 'which file is synced is read from /proc' };

async function open(t: Test) {
  const file = join(t.testdir({}), 'knot.db');
  const store = await openStore({ url: `sqlite:${file}`, clock: systemClock, log: silentLog });
  t.teardown(async () => {
    isHeld = false;
    for (const { finish } of syncs.splice(0)) finish();
    await store.close();
  });
  const write = (key: string) =>
    store.transaction(async ({ db }) => {
      await db.insertInto('settings').values({ key, value: 'x' }).execute();
    });
  return { file, store, write };
}

/** What another process finds committed. */
function committed(file: string): unknown[] {
  const other = new DatabaseSync(file, { readOnly: true });
  try {
    return other
      .prepare("select key from settings where value = 'x'")
      .all()
      .map((row) => row['key']);
  } finally {
    other.close();
  }
}

t.test(
  'SQLite syncs its log before it moves pages into the file, so that a power cut leaves a whole database',
  async (t) => {
    const { store } = await open(t);
    const read = async (pragma: string) =>
      Object.values((await sql`pragma ${sql.raw(pragma)}`.execute(store.db)).rows[0]!);
    t.strictSame(await read('journal_mode'), ['wal']);
    // https://www.sqlite.org/pragma.html#pragma_synchronous: 0 off, 1 normal, 2 full. Off, a power cut can damage the whole file.
    t.strictSame(await read('synchronous'), [1]);
  },
);

t.test('a commit is acknowledged when its log is on the disk, and not before', linux, async (t) => {
  const { file, write } = await open(t);
  isHeld = true;
  const acknowledged: string[] = [];
  const first = write('first').then(() => acknowledged.push('first'));
  await eventually('the commit waits for the disk', () => syncs.length === 1);
  t.equal(syncs[0]!.file, `${file}-wal`, 'the log is what is synced');
  t.strictSame(committed(file), ['first'], 'neighbour: it is committed');

  const later = ['second', 'third'].map((key) => write(key).then(() => acknowledged.push(key)));
  await eventually('both are committed', () => committed(file).length === 3);
  t.strictSame(acknowledged, [], 'nobody was told');
  t.equal(syncs.length, 1, 'who comes meanwhile waits for the next sync');

  syncs.shift()!.finish();
  await first;
  t.strictSame(acknowledged, ['first'], 'the sync that ran already may have missed the others');
  await eventually('one sync for both', () => syncs.length === 1);
  syncs.shift()!.finish();
  await Promise.all(later);
  t.strictSame(acknowledged.toSorted(), ['first', 'second', 'third']);
  t.equal(syncs.length, 0);
});

t.test('a disk that does not take it acknowledges nothing', linux, async (t) => {
  const { write } = await open(t);
  isHeld = true;
  const refused = t.rejects(write('lost'));
  await eventually('the commit waits for the disk', () => syncs.length === 1);
  syncs.shift()!.finish(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
  await refused;
  isHeld = false;
  await write('kept');
});
