import t from 'tap';
import { onBothStores } from '../support/house/stores.ts';
import { createFixture } from './fixture.ts';

const day = 24 * 3600_000;

t.test('addresses that are kept', (t) =>
  onBothStores(t, async (t, open) => {
    const openHere = async () => createFixture(t, await open(t));

    await t.test('come back as they are, for a day, on every replica', async (t) => {
      const { sessions, openAgain, clock } = await openHere();
      const address = `https://echo.localhost/s?q=\\d+&x="<'>{${'%7B'.repeat(10_000)}`;
      const id = await sessions.kept.keep(address, { browser: 'b', client: '192.0.2.1' });
      t.match(id, /^[\w-]{43}$/);
      t.equal(await openAgain().kept.find(id), address);
      t.equal(await sessions.kept.find(`${id}x`), undefined);
      t.equal(await sessions.kept.find('x'.repeat(43)), undefined);
      clock.advance(day);
      t.equal(await sessions.kept.find(id), undefined);
    });

    await t.test('are kept once for a browser that asks again', async (t) => {
      const { sessions, store, clock } = await openHere();
      const by = { browser: 'b', client: '192.0.2.1' };
      const id = await sessions.kept.keep('https://echo.localhost/1', by);
      clock.advance(day - 1);
      t.equal(await sessions.kept.keep('https://echo.localhost/1', by), id);
      clock.advance(day - 1);
      t.ok(await sessions.kept.find(id), 'and the day begins anew');
      const other = await sessions.kept.keep('https://echo.localhost/1', { ...by, browser: 'c' });
      t.not(other, id, 'another browser has an id of its own');
      t.equal((await store.db.selectFrom('kept_addresses').selectAll().execute()).length, 2);
    });

    await t.test('are bounded per browser and per client address: the oldest go', async (t) => {
      const { sessions, store, clock } = await openHere();
      const count = async (column: 'browser' | 'client', value: string) =>
        (await store.db.selectFrom('kept_addresses').selectAll().where(column, '=', value).execute()).length;
      const theirs = await sessions.kept.keep('https://echo.localhost/', { browser: 'v', client: '198.51.100.1' });
      const ids: string[] = [];
      for (let index = 0; index < 25; index += 1) {
        clock.advance(1);
        ids.push(await sessions.kept.keep(`https://echo.localhost/${index}`, { browser: 'b', client: '192.0.2.1' }));
      }
      t.equal(await count('browser', 'b'), 20);
      t.equal(await sessions.kept.find(ids[4]!), undefined);
      t.ok(await sessions.kept.find(ids[5]!));
      for (let index = 0; index < 210; index += 1) {
        clock.advance(1);
        await sessions.kept.keep('https://echo.localhost/', { browser: `b${index}`, client: '192.0.2.1' });
      }
      t.equal(await count('client', '192.0.2.1'), 200);
      t.ok(await sessions.kept.find(theirs), 'a flood from one address takes nobody else their way');
    });

    await t.test('are pruned', async (t) => {
      const { sessions, store, clock } = await openHere();
      await sessions.kept.keep('https://echo.localhost/', { browser: 'b', client: '192.0.2.1' });
      clock.advance(day);
      await sessions.sweep();
      t.strictSame(await store.db.selectFrom('kept_addresses').selectAll().execute(), []);
    });
  }),
);
