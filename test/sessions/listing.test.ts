import { sql } from 'kysely';
import t from 'tap';
import { hashSecret, newId, newSecret } from '../../gateway/lib/index.ts';
import { absoluteSeconds, createFixture, type Fixture, idleSeconds } from './fixture.ts';

/** So many sign-ins, each with two hosts of its own; returns the central ids. */
async function fill({ store, clock, userId }: Fixture, count: number): Promise<string[]> {
  const now = clock.now();
  const ids = Array.from({ length: count }, () => newId());
  await store.transaction(async ({ db }) => {
    for (const [index, central_id] of ids.entries()) {
      const row = (id: string, host: string) => ({
        ...{ id, central_id, host, user_id: userId, secret_hash: hashSecret(newSecret()), device: '', address: '' },
        ...{ started_at: now, authenticated_at: now, last_seen_at: now, expires_at: now + absoluteSeconds * 1000 },
      });
      await db
        .insertInto('sessions')
        .values([row(central_id, ''), row(newId(), `a${index}.localhost`), row(newId(), `b${index}.localhost`)])
        .execute();
    }
  });
  return ids;
}

t.test('each of many sign-ins is listed with its own hosts', async (t) => {
  const fixture = await createFixture(t);
  const ids = await fill(fixture, 2_000);
  const listed = new Map((await fixture.sessions.listAll()).map(({ id, hosts }) => [id, hosts]));
  t.equal(listed.size, 2_000);
  t.ok(ids.every((id, index) => String(listed.get(id)) === `a${index}.localhost,b${index}.localhost`));
});

t.test('which of some sign-ins live is told without reading the others', async (t) => {
  const fixture = await createFixture(t);
  const { sessions, clock } = fixture;
  const [idle] = await fill(fixture, 1);
  clock.advance(idleSeconds * 1000);
  const [first, second] = await fill(fixture, 2);
  await sessions.end(second!, { actor: 'ann', reason: 'signed_out' });
  t.strictSame([...(await sessions.living([idle!, first!, second!, newId(), 'nobody']))], [first]);
  t.strictSame([...(await sessions.living([]))], []);
});

t.test('what looks for sessions in the background reads no whole table', async (t) => {
  const { store, sessions } = await createFixture(t);
  let count = 0;
  const asked: string[] = [];
  const { db } = store;
  const compiled = async (work: () => Promise<unknown>): Promise<void> => {
    const queries: { sql: string; parameters: readonly unknown[] }[] = [];
    const executor = db.getExecutor() as unknown as { executeQuery(query: (typeof queries)[number]): Promise<unknown> };
    const execute = executor.executeQuery;
    executor.executeQuery = function (query, ...rest) {
      queries.push(query);
      return execute.call(this, query, ...rest);
    };
    await work();
    executor.executeQuery = execute;
    count += queries.length;
    for (const { sql: text, parameters } of queries) {
      const values = parameters.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
      const filled = text.replaceAll('?', () => values.shift() ?? 'null');
      const plan = await sql<{ detail: string }>`explain query plan ${sql.raw(filled)}`.execute(db);
      for (const { detail } of plan.rows) if (/^SCAN/.test(detail)) asked.push(`${detail}: ${filled}`);
    }
  };
  await compiled(() => sessions.sweep());
  await compiled(() => sessions.count());
  t.strictSame(
    asked.filter((line) => !/USING (COVERING )?INDEX/.test(line)),
    [],
  );
  t.ok(count > 5, `${count} statements`);
});
