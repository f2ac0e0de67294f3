import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';

t.test('an act whose record does not fit on the disk is refused, and nothing acknowledged is lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'knot-full-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const clock = createManualClock();
  const store = await openStore({ url: `sqlite:${join(folder, 'knot.db')}`, clock, log: silentLog });
  t.teardown(() => store.close());
  const audit = createAudit({ store, clock });
  const entry = { action: 'a.b', actor: 'ann', subject: 's', outcome: 'done' } as const;
  await audit.append(entry);

  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(store.db);
  await sql.raw(`pragma max_page_count = ${rows[0]!.page_count + 4}`).execute(store.db);
  let acknowledged = 1;
  const failure = await (async () => {
    for (;;) {
      const act = store.transaction(async (transaction) => {
        const key = `act.${acknowledged}`;
        await transaction.db.insertInto('settings').values({ key, value: 'done' }).execute();
        await audit.record(transaction, entry);
      });
      const error: unknown = await act.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (error !== undefined) return error;
      acknowledged += 1;
    }
  })();
  t.match(failure, { code: 'KNOT_STORE_FULL', statusCode: 503 });
  t.strictSame(await audit.verify(), { isIntact: true, count: acknowledged });
  const acts = await store.db.selectFrom('settings').select('key').where('key', 'like', 'act.%').execute();
  t.equal(acts.length, acknowledged - 1, 'as many acts as records');

  await sql.raw(`pragma max_page_count = 100000`).execute(store.db);
  await audit.append(entry);
  t.strictSame(await audit.verify(), { isIntact: true, count: acknowledged + 1 }, 'with room again it goes on');
});
