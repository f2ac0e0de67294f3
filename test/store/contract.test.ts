import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore, type Store } from '../../gateway/store/index.ts';
import { startPostgres } from '../support/process/postgres.ts';
import { eventually } from '../support/eventually.ts';

/** One suite for both databases: what every module relies on. */
const open = (url: string) => openStore({ url, clock: systemClock, log: silentLog });

const put = (store: Store, key: string, value: string) =>
  store.transaction(async ({ db }) => {
    await db.insertInto('settings').values({ key, value }).execute();
  });

const read = async (store: Store, key: string) =>
  (await store.db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst())?.value;

export function contract(t: Test, newUrl: () => string | Promise<string>): void {
  t.test('a transaction is all or nothing', async (t) => {
    const store = await open(await newUrl());
    t.teardown(() => store.close());
    await put(store, 'kept', '1');
    await t.rejects(
      store.transaction(async ({ db }) => {
        await db.insertInto('settings').values({ key: 'lost', value: '1' }).execute();
        throw new Error('no');
      }),
      { code: 'KNOT_STORE_FAILED' },
    );
    t.equal(await read(store, 'kept'), '1');
    t.equal(await read(store, 'lost'), undefined);
  });

  t.test('large numbers, null and unicode come back as they went in', async (t) => {
    const store = await open(await newUrl());
    t.teardown(() => store.close());
    const row = {
      id: 'u1',
      username: 'zoë',
      email: 'Zoë@example.org',
      email_key: 'zoë@example.org',
      is_admin: 1,
      state: 'active' as const,
      password_hash: null,
      credential_version: 7,
      wished_name: null,
      version: 9_007_199_254_740_991,
      created_at: 1_900_000_000_123,
      last_sign_in_at: null,
      email_proven_at: null,
    };
    await store.db.insertInto('users').values(row).execute();
    t.strictSame({ ...(await store.db.selectFrom('users').selectAll().executeTakeFirst()) }, row);
  });

  t.test('concurrent transactions that count up lose nothing', async (t) => {
    const url = await newUrl();
    const [first, second] = await Promise.all([open(url), open(url)]);
    t.teardown(() => Promise.all([first.close(), second.close()]));
    await put(first, 'counter', '0');
    const increment = (store: Store) =>
      store.transaction(async ({ db }) => {
        // PostgreSQL needs the row lock that SQLite's `begin immediate` gives for the whole file.
        const query = db.selectFrom('settings').select('value').where('key', '=', 'counter');
        const { value } = await (store.kind === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
        await db
          .updateTable('settings')
          .set({ value: String(Number(value) + 1) })
          .where('key', '=', 'counter')
          .execute();
      });
    await Promise.all(Array.from({ length: 40 }, (_, index) => increment(index % 2 ? first : second)));
    t.equal(await read(first, 'counter'), '40');
  });

  t.test('two transactions that lock the same rows in opposite order both succeed', async (t) => {
    const url = await newUrl();
    const [first, second] = await Promise.all([open(url), open(url)]);
    t.teardown(() => Promise.all([first.close(), second.close()]));
    await put(first, 'a', '0');
    await put(first, 'b', '0');
    const touch = (store: Store, keys: string[]) =>
      store.transaction(async ({ db }) => {
        for (const key of keys) {
          await db.updateTable('settings').set({ value: 'touched' }).where('key', '=', key).execute();
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      });
    await Promise.all([touch(first, ['a', 'b']), touch(second, ['b', 'a'])]);
    t.equal(await read(first, 'a'), 'touched');
  });

  t.test(
    'an announced change is heard at once here, within two seconds elsewhere, and not when rolled back',
    async (t) => {
      const url = await newUrl();
      const here = await open(url);
      const elsewhere = await open(url);
      t.teardown(() => Promise.all([here.close(), elsewhere.close()]));
      const heard = { here: [] as string[], elsewhere: [] as string[] };
      here.onChange('users', (key) => heard.here.push(key));
      elsewhere.onChange('users', (key) => heard.elsewhere.push(key));
      elsewhere.onChange('sessions', (key) => heard.elsewhere.push(`wrong topic ${key}`));
      await t.rejects(
        here.transaction(async (transaction) => {
          transaction.announce({ topic: 'users', key: 'never' });
          throw new Error('no');
        }),
      );
      await here.transaction(async (transaction) => transaction.announce({ topic: 'users', key: 'ann' }));
      t.strictSame(heard.here, ['ann']);
      t.ok(
        await eventually('the other process hears it', () => heard.elsewhere.length > 0),
        'the other process hears it',
      );
      t.strictSame(heard.elsewhere, ['ann']);
    },
  );

  t.test('opening twice migrates once, and a schema of the future is refused untouched', async (t) => {
    const url = await newUrl();
    const store = await open(url);
    const again = await open(url);
    await again.close();
    await store.db
      .insertInto('kysely_migration' as never)
      .values({ name: '9999-future', timestamp: '2099' })
      .execute();
    await store.close();
    await t.rejects(open(url), { code: 'KNOT_STORE_SCHEMA_NEWER', message: /9999-future/ });
  });

  t.test('the audit table refuses to be changed', async (t) => {
    const store = await open(await newUrl());
    t.teardown(() => store.close());
    const line = {
      seq: 1,
      at: 1,
      action: 'a',
      actor: 'b',
      subject: 'c',
      outcome: 'done',
      address: null,
      detail: '{}',
      previous_hash: '',
      hash: 'h',
    };
    await store.db.insertInto('audit').values(line).execute();
    await t.rejects(store.db.updateTable('audit').set({ actor: 'x' }).execute(), /append-only/);
    await t.rejects(store.db.deleteFrom('audit').execute(), /append-only/);
  });

  t.test('every acknowledged write survives kill -9 in the middle of a write loop', async (t) => {
    const url = await newUrl();
    const script = join(import.meta.dirname, 'write-loop.ts');
    const acknowledged: number[] = [];
    for (let round = 0; round < 3; round++) {
      const child: ChildProcess = spawn(process.execPath, [script, url, String(round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let told = 0;
      for await (const line of createInterface({ input: child.stdout! })) {
        acknowledged.push(Number(line));
        if ((told += 1) === 60 + round * 7) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      t.equal(child.signalCode, 'SIGKILL', 'the writer was killed, it did not end by itself');
    }
    const store = await open(url);
    t.teardown(() => store.close());
    const rows = await store.db.selectFrom('settings').select('key').where('key', 'like', 'write.%').execute();
    const found = new Set(rows.map(({ key }) => Number(key.slice('write.'.length))));
    const lost = acknowledged.filter((number) => !found.has(number));
    t.strictSame(lost, []);
    t.ok(acknowledged.length >= 60 + 67 + 74);
  });
}

t.test('SQLite', async (t) => {
  let count = 0;
  contract(t, () => `sqlite:${join(t.testdir({}), `${count++}`, 'knot.db')}`);
});

const postgres = await startPostgres();
if ('skip' in postgres) {
  t.test('PostgreSQL', { skip: postgres.skip }, async () => undefined);
} else {
  t.teardown(() => postgres.stop());
  t.test('PostgreSQL', async (t) => contract(t, () => postgres.createDatabase()));
}
