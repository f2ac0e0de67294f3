import { type Kysely, sql } from 'kysely';
import t from 'tap';
import { hashOf } from '../../gateway/audit/chain.ts';
import { createAudit } from '../../gateway/audit/index.ts';
import type { Store, Tables } from '../../gateway/store/index.ts';
import { onBothStores } from '../support/house/stores.ts';

/** What someone with write access to the database may do after switching the triggers off. */
type Attack = {
  what: string;
  act(db: Kysely<Tables>): Promise<unknown>;
  brokenSeq: number;
  count: number;
  message: RegExp;
};

const lines = 8;

async function rehash(db: Kysely<Tables>, seq: number): Promise<void> {
  const row = await db.selectFrom('audit').selectAll().where('seq', '=', seq).executeTakeFirstOrThrow();
  await db
    .updateTable('audit')
    .set({ hash: hashOf(row) })
    .where('seq', '=', seq)
    .execute();
}

const columns = ['at', 'action', 'actor', 'subject', 'outcome', 'address', 'detail', 'previous_hash', 'hash'] as const;

const attacks: Attack[] = [
  ...columns.map((column) => ({
    what: `${column} changed`,
    act: (db: Kysely<Tables>) =>
      db
        .updateTable('audit')
        .set({ [column]: column === 'at' ? 5 : 'x' })
        .where('seq', '=', 4)
        .execute(),
    brokenSeq: 4,
    count: 3,
    message: /^Line 4 was changed after it was written\.$/,
  })),
  {
    what: 'an address removed',
    act: (db) => db.updateTable('audit').set({ address: null }).where('seq', '=', 1).execute(),
    brokenSeq: 1,
    count: 0,
    message: /^Line 1 was changed/,
  },
  {
    what: 'a changed line with a hash made to fit',
    act: async (db) => {
      await db.updateTable('audit').set({ actor: 'eve' }).where('seq', '=', 4).execute();
      await rehash(db, 4);
    },
    brokenSeq: 5,
    count: 4,
    message: /^Line 5 does not follow line 4/,
  },
  {
    what: 'the newest line replaced with a hash made to fit',
    act: async (db) => {
      await db.updateTable('audit').set({ actor: 'eve' }).where('seq', '=', lines).execute();
      await rehash(db, lines);
    },
    brokenSeq: lines,
    count: lines - 1,
    message: /^Line 8 is not the one the head record names/,
  },
  {
    what: 'a line removed from the middle',
    act: (db) => db.deleteFrom('audit').where('seq', '=', 4).execute(),
    brokenSeq: 4,
    count: 3,
    message: /^Line 4 is missing; the next one there is line 5/,
  },
  {
    what: 'the oldest lines removed',
    act: (db) => db.deleteFrom('audit').where('seq', '<=', 3).execute(),
    brokenSeq: 1,
    count: 0,
    message: /^Line 1 is missing; the next one there is line 4/,
  },
  {
    what: 'the newest line removed',
    act: (db) => db.deleteFrom('audit').where('seq', '=', lines).execute(),
    brokenSeq: lines,
    count: lines - 1,
    message: /^Line 8 is missing at the end/,
  },
  {
    what: 'the newest lines removed',
    act: (db) => db.deleteFrom('audit').where('seq', '>', 5).execute(),
    brokenSeq: 6,
    count: 5,
    message: /^Lines 6 to 8 are missing at the end/,
  },
  {
    what: 'every line removed',
    act: (db) => db.deleteFrom('audit').execute(),
    brokenSeq: 1,
    count: 0,
    message: /^Lines 1 to 8 are missing at the end/,
  },
  {
    what: 'two lines exchanged',
    act: (db) =>
      sql`update audit set seq = case seq when 4 then -5 else -4 end where seq in (4, 5)`
        .execute(db)
        .then(() => sql`update audit set seq = -seq where seq < 0`.execute(db)),
    brokenSeq: 4,
    count: 3,
    message: /^Line 4 was changed/,
  },
  {
    what: 'a line put in front',
    act: (db) =>
      db
        .insertInto('audit')
        .columns(['seq', 'at', 'action', 'actor', 'subject', 'outcome', 'address', 'detail', 'previous_hash', 'hash'])
        .expression((query) =>
          query
            .selectFrom('audit')
            .select(sql<number>`0`.as('zero'))
            .select(['at', 'action', 'actor', 'subject', 'outcome', 'address', 'detail', 'previous_hash', 'hash'])
            .where('seq', '=', 1),
        )
        .execute(),
    brokenSeq: 1,
    count: 0,
    message: /^Line 0 is there, but the first line is line 1/,
  },
  {
    what: 'a line added at the end, past the head record',
    act: async (db) => {
      const last = await db.selectFrom('audit').selectAll().where('seq', '=', lines).executeTakeFirstOrThrow();
      const row = { ...last, seq: lines + 1, actor: 'eve', previous_hash: last.hash };
      await db
        .insertInto('audit')
        .values({ ...row, hash: hashOf(row) })
        .execute();
    },
    brokenSeq: lines + 1,
    count: lines,
    message: /^The head record ends at line 8, but there are lines up to 9/,
  },
  {
    what: 'the head record removed',
    act: (db) => db.deleteFrom('settings').where('key', '=', 'audit.head').execute(),
    brokenSeq: lines + 1,
    count: lines,
    message: /^The head record is missing or unreadable/,
  },
  {
    what: 'the head record garbled',
    act: (db) => db.updateTable('settings').set({ value: '{"seq":' }).where('key', '=', 'audit.head').execute(),
    brokenSeq: lines + 1,
    count: lines,
    message: /^The head record is missing or unreadable/,
  },
];

async function dropTriggers(store: Store): Promise<void> {
  if (store.kind === 'postgres') return void (await sql`drop trigger audit_append_only on audit`.execute(store.db));
  await sql`drop trigger audit_no_update`.execute(store.db);
  await sql`drop trigger audit_no_delete`.execute(store.db);
}

await onBothStores(t, async (t, open) => {
  for (const { what, act, brokenSeq, count, message } of attacks) {
    await t.test(`${what}: the first broken line is named, now and after further appends`, async (t) => {
      const { store, clock } = await open(t);
      const audit = createAudit({ store, clock });
      for (let index = 0; index < lines; index += 1) {
        await audit.append({ action: 'a.b', actor: `u${index}`, subject: 's', outcome: 'done', address: '::1' });
      }
      t.strictSame(await audit.verify(), { isIntact: true, count: lines });
      await dropTriggers(store);
      await act(store.db);
      t.match(await audit.verify(), { isIntact: false, brokenSeq, count, message });
      t.ok((await audit.list({})).length >= 0, 'a damaged ledger can still be read');

      if (what.startsWith('the head record')) return;
      await audit.append({ action: 'a.b', actor: 'later', subject: 's', outcome: 'done' });
      const later = await audit.verify();
      t.equal(later.isIntact, false, 'an append does not heal it');
    });
  }
});
