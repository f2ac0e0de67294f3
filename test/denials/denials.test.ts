import t from 'tap';
import { createDenials } from '../../gateway/denials/index.ts';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';
import { ask, notebookOf, person } from '../policy/support.ts';
import { onBothStores } from '../support/house/stores.ts';

const hour = 3600_000;
const decision = { effect: 'deny', rules: [], policyVersion: 'v1', reason: 'no_permit' } as const;
const refusal = (who: string, path = '/', version = 1) => ({
  route: 'Notebooks',
  request: ask(person(who, { version }), 'open', notebookOf('bob'), { path }),
  decision,
});

await onBothStores(t, async (t, openDatabase) => {
  t.test('the id of a refusal leads to it at once, and from every replica when it is written', async (t) => {
    const { store, clock, openAgain } = await openDatabase(t);
    const denials = createDenials({ store, clock, log: silentLog });
    t.teardown(() => denials.close());
    const other = createDenials({ store: await openAgain(clock), clock, log: silentLog });
    t.teardown(() => other.close());
    const noted = refusal('ann', '/user/bob/lab');
    const id = denials.note(noted);
    t.match(id, /^[0-9a-z]{16}$/);
    t.match(await denials.find(id), { id, at: clock.now(), ...noted });
    t.equal(await other.find(id), undefined, 'not written yet');
    await denials.flush();
    t.match(await other.find(id), { id, at: clock.now(), ...noted }, 'with all that the rules saw');
    t.match(await denials.find(id), { id, ...noted });
  });

  t.test('a refusal by very many rules is kept with the first of them', async (t) => {
    const { store, clock } = await openDatabase(t);
    const denials = createDenials({ store, clock, log: silentLog });
    t.teardown(() => denials.close());
    const rules = Array.from({ length: 2000 }, (_, line) => ({
      rule: `r${line}`,
      file: 'x.cedar',
      line,
      effect: 'forbid' as const,
    }));
    const id = denials.note({ ...refusal('ann'), decision: { ...decision, reason: 'forbid', rules } });
    await denials.flush();
    t.strictSame((await denials.find(id))?.decision.rules, rules.slice(0, 50));
  });

  t.test('an id is known for a day; unknown ones and other texts are not', async (t) => {
    const { store, clock } = await openDatabase(t);
    const denials = createDenials({ store, clock, log: silentLog });
    t.teardown(() => denials.close());
    const id = denials.note(refusal('ann'));
    await denials.flush();
    for (const unknown of ['0000000000000000', '', "' or 1=1 --", id.toUpperCase(), `${id}0`, 'x'.repeat(10_000)]) {
      t.equal(await denials.find(unknown), undefined);
    }
    clock.advance(24 * hour - 1);
    t.ok(await denials.find(id));
    clock.advance(2);
    t.equal(await denials.find(id), undefined);
    await denials.prune();
    t.strictSame(await store.db.selectFrom('denials').select('id').execute(), []);
  });

  t.test(
    'somebody who is refused a million times fills neither the disk nor the memory, and others are kept',
    async (t) => {
      const { store, clock } = await openDatabase(t);
      const denials = createDenials({ store, clock, log: silentLog });
      t.teardown(() => denials.close());
      const count = async (): Promise<number> => (await store.db.selectFrom('denials').select('id').execute()).length;
      const same = denials.note(refusal('eve'));
      const ids = new Set(Array.from({ length: 1000 }, () => denials.note(refusal('eve'))));
      t.strictSame([...ids], [same], 'the same refusal');
      await denials.flush();
      t.equal(await count(), 1);
      // Other paths, so that each is another refusal, over ten minutes.
      for (let second = 0; second < 600; second += 1) {
        clock.advance(1000);
        for (let turn = 0; turn < 50; turn += 1) denials.note(refusal('eve', `/${second}/${turn}`));
        if (second % 60 === 59) await denials.flush();
      }
      await denials.flush();
      t.ok((await count()) <= 60 + 20 + 1, `${await count()} rows of 30,000 refusals`);
      const other = denials.note(refusal('ann'));
      await denials.flush();
      t.ok(await denials.find(other), 'a person who is refused rarely is not crowded out');
      // Many people at once: what is written in a second is bounded too.
      const before = await count();
      for (let index = 0; index < 5000; index += 1) denials.note(refusal(`p${index}`));
      await denials.flush();
      t.ok((await count()) - before <= 20);
    },
  );

  t.test('of too many rows the oldest go', async (t) => {
    const { store, clock } = await openDatabase(t);
    const denials = createDenials({ store, clock, log: silentLog });
    t.teardown(() => denials.close());
    const now = clock.now();
    for (let start = 0; start < 20_050; start += 50) {
      const rows = Array.from({ length: 50 }, (_, index) => ({
        id: `old-${start + index}`,
        at: now + start + index,
        detail: '{}',
      }));
      await store.db.insertInto('denials').values(rows).execute();
    }
    await denials.prune();
    const left = await store.db.selectFrom('denials').select('at').orderBy('at').execute();
    t.equal(left.length, 20_000);
    t.equal(left[0]?.at, now + 50);
  });

  t.test('long texts are cut before they are kept', async (t) => {
    const { store, clock } = await openDatabase(t);
    const denials = createDenials({ store, clock, log: silentLog });
    t.teardown(() => denials.close());
    const id = denials.note(refusal('ann', `/${'x'.repeat(100_000)}`));
    await denials.flush();
    const row = await store.db.selectFrom('denials').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    t.ok(row.detail.length < 4096);
  });
});

t.test('a store that is away costs nothing but the wait: what was noted is written when it is back', async (t) => {
  const clock = createManualClock();
  const store = await openStore({ url: 'sqlite::memory:', clock, log: silentLog });
  t.teardown(() => store.close());
  let isAway = true;
  const flaky = {
    ...store,
    get db() {
      if (isAway) throw new Error('away');
      return store.db;
    },
  };
  const denials = createDenials({ store: flaky, clock, log: silentLog });
  t.teardown(() => denials.close());
  const id = denials.note(refusal('ann'));
  await denials.flush();
  isAway = false;
  await denials.flush();
  t.equal((await store.db.selectFrom('denials').select('id').execute())[0]?.id, id);
});
