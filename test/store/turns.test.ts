import t from 'tap';
import { silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openStore } from '../../gateway/store/index.ts';

t.test('transactions that wait for one another let the event loop go on between them', async (t) => {
  const store = await openStore({ url: 'sqlite::memory:', clock: systemClock, log: silentLog });
  t.teardown(() => store.close());
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const seen: number[] = [];
  await Promise.all(
    Array.from({ length: 30 }, async (_, index) =>
      store.transaction(async ({ db }) => {
        await db
          .insertInto('settings')
          .values({ key: `k${index}`, value: 'x' })
          .execute();
        seen.push(turns);
      }),
    ),
  );
  isOver = true;
  t.equal(seen.length, 30);
  t.equal(new Set(seen).size, 30, 'each has a turn of the loop to itself');
});
