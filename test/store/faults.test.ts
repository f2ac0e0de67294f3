import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { lockDataFolder, lockWhenFree, openStore } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { openSmallDisk, smallDiskSkipReason } from '../support/process/small-disk.ts';

const open = (file: string) => openStore({ url: `sqlite:${file}`, clock: systemClock, log: silentLog });
const isRoot = process.getuid?.() === 0;

t.test('a file that is not a database is named, and left as it was', async (t) => {
  const folder = t.testdir({ 'knot.db': 'this is a letter, not a database. '.repeat(100) });
  const file = join(folder, 'knot.db');
  const before = readFileSync(file);
  await t.rejects(open(file), {
    code: 'KNOT_STORE_CORRUPT',
    message: /knot\.db is damaged or not a database/,
    remedy: /backup/,
  });
  t.ok(readFileSync(file).equals(before));
});

t.test('a damaged database is named', async (t) => {
  const file = join(t.testdir({}), 'knot.db');
  await (await open(file)).close();
  const bytes = readFileSync(file);
  bytes.fill(0xff, 100, 5000);
  writeFileSync(file, bytes);
  await t.rejects(open(file), { code: 'KNOT_STORE_CORRUPT' });
});

t.test('a database that another program holds is named after the busy time', async (t) => {
  const file = join(t.testdir({}), 'knot.db');
  await (await open(file)).close();
  const other = new DatabaseSync(file);
  t.teardown(() => other.close());
  const store = await open(file);
  t.teardown(() => store.close());
  other.exec('begin immediate');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 50);
  await t.rejects(
    store.transaction(async ({ db }) => {
      await db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
    }),
    { code: 'KNOT_STORE_LOCKED', internal: { cure: /Close the program/ }, headers: { 'retry-after': /^\d+$/ } },
  );
  clearInterval(timer);
  t.ok(ticks > 50, `the event loop went on while waiting (${ticks} ticks)`);
  other.exec('rollback');
  await store.transaction(async ({ db }) => {
    await db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
  });
  t.pass('and works again when it is free');
});

t.test('the database file and its folder are for this account only', async (t) => {
  const file = join(t.testdir({}), 'data', 'knot.db');
  const store = await open(file);
  t.teardown(() => store.close());
  t.equal(statSync(file).mode & 0o077, 0);
});

t.test('a read-only folder is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-read-only-'));
  t.teardown(() => rmdirSync(folder));
  chmodSync(folder, 0o555);
  // Root may write everywhere, so the question is asked by an account that may not.
  const script = `import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../gateway/store/index.ts'))};
    import { silentLog, systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../gateway/lib/index.ts'))};
    const url = 'sqlite:' + ${JSON.stringify(join(folder, 'knot.db'))};
    try { await openStore({ url, clock: systemClock, log: silentLog }); console.log('opened'); } catch (error) { console.log(error.code); }`;
  const nobody = isRoot ? { uid: 65534, gid: 65534 } : {};
  const answer = execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    ...nobody,
  });
  t.equal(answer.trim(), 'KNOT_STORE_READ_ONLY');
});

t.test(
  'a full disk refuses the write, keeps what was acknowledged and recovers',
  { skip: smallDiskSkipReason() },
  async (t) => {
    const disk = openSmallDisk(t, '1m');
    const store = await open(join(disk.folder, 'knot.db'));
    t.teardown(() => store.close());
    const acknowledged: string[] = [];
    const write = (key: string, size: number) =>
      store.transaction(async ({ db }) => {
        await db
          .insertInto('settings')
          .values({ key, value: 'x'.repeat(size) })
          .execute();
      });
    await t.rejects(
      (async () => {
        for (let n = 0; n < 1000; n++) {
          await write(`n${n}`, 20_000);
          acknowledged.push(`n${n}`);
        }
      })(),
      { code: 'KNOT_STORE_FULL', message: /the disk is full/, internal: { cure: /Free some space/ } },
    );
    const rows = await store.db.selectFrom('settings').select('key').execute();
    t.strictSame(
      rows.map(({ key }) => key).sort(),
      [...acknowledged].sort(),
      'exactly the acknowledged rows are there',
    );
    disk.resize('8m');
    await write('after', 20_000);
    t.pass('writes work again when there is room');
  },
);

t.test(
  'a second gateway on one data folder is refused, also while the first is busy, and let in when it ends',
  async (t) => {
    const folder = t.testdir({});
    const first = lockDataFolder(folder, silentLog);
    const tryInOtherProcess = () => {
      const script = `import { lockDataFolder } from ${JSON.stringify(join(import.meta.dirname, '../../gateway/store/index.ts'))};
      try { lockDataFolder(${JSON.stringify(folder)}, { warn() {} }); console.log('locked'); } catch (error) { console.log(error.code); }`;
      return execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
        encoding: 'utf8',
      }).trim();
    };
    t.equal(tryInOtherProcess(), 'KNOT_STORE_FOLDER_IN_USE');
    first.release();
    t.equal(tryInOtherProcess(), 'locked');
    t.ok(existsSync(folder));
  },
);

t.test('who waits for a folder has it when it is free; what is no lock of anybody is not waited for', async (t) => {
  const folder = t.testdir({
    free: {},
    file: '',
    broken: { 'gateway.lock': 'no database, whatever its name says '.repeat(40) },
  });
  const { signal } = new AbortController();
  const first = lockDataFolder(join(folder, 'free'), silentLog);
  let waits = 0;
  const onWait = () => void (waits += 1);
  const waiting = lockWhenFree(join(folder, 'free'), { log: silentLog, signal, onWait });
  await eventually('it waits', () => waits > 1);
  first.release();
  const second = await waiting;
  const abort = new AbortController();
  const cut = lockWhenFree(join(folder, 'free'), { log: silentLog, signal: abort.signal, onWait: () => abort.abort() });
  await t.rejects(cut, { name: 'AbortError' });
  second.release();
  for (const name of ['file', 'broken'])
    await t.rejects(
      lockWhenFree(join(folder, name), { log: silentLog, signal, onWait: () => t.fail(`waits for ${name}`) }),
      { code: 'KNOT_STORE_FOLDER_UNUSABLE' },
    );
});
