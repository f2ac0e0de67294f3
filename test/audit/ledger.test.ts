import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import t from 'tap';
import { createAudit } from '../../gateway/audit/index.ts';
import type { AuditEntry } from '../../gateway/lib/index.ts';
import { onBothStores } from '../support/house/stores.ts';

const run = promisify(execFile);

const signIn: AuditEntry = {
  action: 'session.started',
  actor: 'ann',
  subject: 'session:s1',
  outcome: 'done',
  address: '192.0.2.7',
  detail: { device: 'Chromium on Linux', isFirst: true, count: 1, place: null },
};

await onBothStores(t, async (t, open) => {
  await t.test('an empty ledger is intact', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    t.strictSame(await audit.verify(), { isIntact: true, count: 0 });
    t.strictSame(await audit.list({}), []);
  });

  await t.test('what was appended is listed as it was said, newest first', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    await audit.append(signIn);
    clock.advance(1000);
    await audit.append({ action: 'signin.refused', actor: 'anonymous', subject: 'user:ben', outcome: 'refused' });
    const [second, first] = await audit.list({});
    t.strictSame(first, { ...signIn, seq: 1, at: clock.now() - 1000, hash: first?.hash });
    t.strictSame(second, {
      seq: 2,
      at: clock.now(),
      action: 'signin.refused',
      actor: 'anonymous',
      subject: 'user:ben',
      outcome: 'refused',
      hash: second?.hash,
    });
    t.match(first?.hash, /^[A-Za-z0-9_-]{43}$/);
    t.strictSame(await audit.verify(), { isIntact: true, count: 2 });
  });

  await t.test('the list is filtered and paged', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    for (const actor of ['ann', 'ben', 'ann', 'cli', 'ann']) await audit.append({ ...signIn, actor });
    const seqs = async (query: Parameters<typeof audit.list>[0]) => (await audit.list(query)).map((line) => line.seq);
    t.strictSame(await seqs({ actor: 'ann' }), [5, 3, 1]);
    t.strictSame(await seqs({ actor: 'ann', beforeSeq: 5, limit: 1 }), [3]);
    t.strictSame(await seqs({ action: 'session.started', subject: 'session:s1', limit: 2 }), [5, 4]);
    t.strictSame(await seqs({ action: 'session.ended' }), []);
    t.strictSame(await seqs({ limit: 0 }), [5], 'at least one');
  });

  await t.test('act and record are one: both or neither', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    await t.rejects(
      store.transaction(async (transaction) => {
        await audit.record(transaction, signIn);
        await audit.record(transaction, signIn);
        throw new Error('the act failed');
      }),
    );
    t.strictSame(await audit.verify(), { isIntact: true, count: 0 });
    await store.transaction(async (transaction) => {
      await audit.record(transaction, signIn);
      await audit.record(transaction, signIn);
    });
    t.strictSame(await audit.verify(), { isIntact: true, count: 2 });
  });

  await t.test('each line is announced', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    const heard: string[] = [];
    store.onChange('audit', (seq) => heard.push(seq));
    await audit.append(signIn);
    await audit.append(signIn);
    t.strictSame(heard, ['1', '2']);
  });

  await t.test('whatever a stranger typed is recorded, without its control characters', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    const nasty = `x\0\u001b[2J\n${'y'.repeat(10_000)}`;
    await audit.append({ ...signIn, actor: nasty, subject: `user:${nasty}`, detail: { nasty, half: '\ud800' } });
    const [line] = await audit.list({});
    t.notMatch(JSON.stringify(line), /\\u0000|\\u001b|\\n/);
    t.ok(JSON.stringify(line).length < 2000);
    t.strictSame(await audit.verify(), { isIntact: true, count: 1 });
  });

  await t.test('a clock that jumps back does not break the chain', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    await audit.append(signIn);
    clock.advance(-86_400_000);
    await audit.append(signIn);
    t.strictSame(await audit.verify(), { isIntact: true, count: 2 });
  });

  await t.test('appends at once in one process keep one chain', async (t) => {
    const { store, clock, openAgain } = await open(t);
    const audits = [createAudit({ store, clock }), createAudit({ store: await openAgain(), clock })];
    await Promise.all(Array.from({ length: 40 }, (_, index) => audits[index % 2]!.append(signIn)));
    t.strictSame(await audits[0]!.verify(), { isIntact: true, count: 40 });
  });

  await t.test('two processes that append at once keep one chain', async (t) => {
    const { store, clock, url } = await open(t);
    const script = join(import.meta.dirname, 'append-loop.ts');
    await Promise.all(['one', 'two'].map((name) => run(process.execPath, [script, url, '60', name])));
    const audit = createAudit({ store, clock });
    t.strictSame(await audit.verify(), { isIntact: true, count: 120 });
    const actors = (await audit.list({ limit: 500 })).map((line) => line.actor);
    t.strictSame([actors.filter((actor) => actor === 'one').length, actors.length], [60, 120]);
  });

  await t.test('a long ledger is verified in pages while it grows', async (t) => {
    const { store, clock } = await open(t);
    const audit = createAudit({ store, clock });
    await store.transaction(async (transaction) => {
      for (let index = 0; index < 1201; index += 1) await audit.record(transaction, signIn);
    });
    const [verification] = await Promise.all([audit.verify(), audit.append(signIn), audit.append(signIn)]);
    t.ok(verification.isIntact);
    t.ok(verification.count >= 1201, `${verification.count}`);
    t.strictSame(await audit.verify(), { isIntact: true, count: 1203 });
  });

  await t.test('the database itself refuses to change or remove a line', async (t) => {
    const { store, clock } = await open(t);
    await createAudit({ store, clock }).append(signIn);
    for (const statement of [sql`update audit set actor = 'eve'`, sql`delete from audit`]) {
      const attempt: unknown = await statement.execute(store.db).catch((error: unknown) => error);
      t.match((attempt as Error).message, /append-only/);
    }
  });
});
