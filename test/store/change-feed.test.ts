import t from 'tap';
import { createManualClock, silentLog } from '../../gateway/lib/index.ts';
import { createChangeFeed } from '../../gateway/store/changes.ts';
import type { Store } from '../../gateway/store/index.ts';
import { eventually } from '../support/eventually.ts';
import { onBothStores } from '../support/house/stores.ts';

const dayMs = 24 * 3600_000;

async function keptChanges({ db }: Store): Promise<number> {
  const { kept } = await db
    .selectFrom('changes')
    .select(({ fn }) => fn.countAll<number | string>().as('kept'))
    .executeTakeFirstOrThrow();
  return Number(kept);
}

const announce = (store: Store, keys: readonly string[]) =>
  store.transaction(async (transaction) => {
    for (const key of keys) transaction.announce({ topic: 'users', key });
  });

const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);

void onBothStores(t, async (t, open) => {
  t.test('what one process tells is heard by all, whatever their clocks say', async (t) => {
    for (const skewMs of [-2 * dayMs, -60_000, 60_000, 2 * dayMs]) {
      const { clock, store, openAgain } = await open(t);
      const heard: string[] = [];
      store.onChange('users', (key) => void heard.push(key));
      const skewed = await openAgain(createManualClock(clock.now() + skewMs));
      await announce(skewed, ['told by the other']);
      await eventually('heard from the other', () => heard.includes('told by the other'));

      const heardThere: string[] = [];
      skewed.onChange('users', (key) => void heardThere.push(key));
      await announce(store, ['told here']);
      // A third one starts, with yet another time of day.
      await openAgain(createManualClock(clock.now() - skewMs));
      t.equal(await keptChanges(store), 2, `at ${skewMs} ms, who starts removes nothing that others may not have read`);
      await eventually('heard there', () => heardThere.includes('told here'));
    }
  });

  t.test('the table does not grow for ever while nobody restarts', async (t) => {
    const { clock, store } = await open(t);
    await announce(store, many('old', 5_000));
    await eventually('what is hours old is removed', async () => {
      clock.advance(60_000);
      return (await keptChanges(store)) <= 2_000;
    });
    const heard: string[] = [];
    store.onChange('users', (key) => void heard.push(key));
    await announce(store, ['new']);
    t.strictSame(heard, ['new']);
    t.equal(await keptChanges(store), 2_001, 'the newest stay: some may be in flight');
  });

  t.test('who could not read for so long that changes were removed is told, and nobody else', async (t) => {
    const { clock, store, openAgain } = await open(t);
    let isAway = false;
    const db = new Proxy(store.db, {
      get(target, name) {
        if (isAway && name === 'selectFrom') throw new Error('the network is cut');
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const feed = createChangeFeed({ db, clock, log: silentLog, origin: 'late' });
    let gaps = 0;
    feed.onGap(() => (gaps += 1));
    await feed.start();
    t.teardown(() => feed.stop());
    const others = await openAgain();
    let gapsOfOthers = 0;
    others.onGap(() => (gapsOfOthers += 1));

    isAway = true;
    await announce(store, many('missed', 4_000));
    await eventually('they are removed', async () => {
      clock.advance(60_000);
      return (await keptChanges(store)) <= 2_000;
    });
    t.equal(gaps, 0);
    isAway = false;
    await eventually('it learns that it missed something', () => gaps === 1);
    // Once: from here on it reads with the others.
    const heard: string[] = [];
    feed.listen('users', (key) => void heard.push(key));
    clock.advance(40_000);
    await announce(others, ['after']);
    await eventually('it hears again', () => heard.includes('after'));
    t.equal(gaps, 1);
    t.equal(gapsOfOthers, 0);
  });
});
