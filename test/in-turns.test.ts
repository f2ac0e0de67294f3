import t from 'tap';
import { eventually } from './support/eventually.ts';

type InTurns = (
  items: readonly string[],
  work: (item: string) => Promise<void>,
  options: { atOnce: number; most: number; isIdle: () => boolean; everyMs?: number },
) => Promise<void>;
const { inTurns, watchProcessors } = (await import(new URL('in-turns.mjs', import.meta.url).href)) as {
  inTurns: InTurns;
  watchProcessors: () => () => boolean;
};

/** Work that ends when a test says so, and how often it was asked whether there is nothing to do. */
function begin(items: string[], isIdle: boolean) {
  const ends = new Map<string, PromiseWithResolvers<void>>();
  let asked = 0;
  const done = inTurns(
    items,
    (item) => {
      ends.set(item, Promise.withResolvers());
      return ends.get(item)!.promise;
    },
    { atOnce: 2, most: 3, everyMs: 1, isIdle: () => (asked++, isIdle) },
  );
  const begun = (): string => [...ends.keys()].join('');
  const looks = (number: number) => eventually('further looks', () => asked >= number);
  return { ends, done, begun, looks, asked: () => asked };
}

t.test(
  'as many at once as there are processors, in order, and one more only while they have nothing to do',
  async (t) => {
    const busy = begin(['a', 'b', 'c', 'd'], false);
    await busy.looks(5);
    t.equal(busy.begun(), 'ab');
    busy.ends.get('b')!.resolve();
    await eventually('the next', () => busy.begun() === 'abc');
    for (const item of ['a', 'c']) busy.ends.get(item)!.resolve();
    await eventually('the last', () => busy.begun() === 'abcd');
    busy.ends.get('d')!.resolve();
    await busy.done;

    const idle = begin(['a', 'b', 'c', 'd'], true);
    await eventually('one more', () => idle.begun() === 'abc');
    await idle.looks(idle.asked() + 5);
    t.equal(idle.begun(), 'abc', 'and no other');
    idle.ends.get('a')!.resolve();
    await eventually('again', () => idle.begun() === 'abcd');
    for (const { resolve } of idle.ends.values()) resolve();
    await idle.done;
  },
);

t.test('nothing to do is done at once; what fails ends it', async (t) => {
  await begin([], true).done;
  const failing = begin(['a', 'b', 'c'], false);
  failing.ends.get('a')!.reject(new Error('broken'));
  await t.rejects(failing.done, /broken/);
  t.equal(failing.begun(), 'ab');
});

t.test('whether processors have nothing to do is a question that is answered', async (t) => {
  t.type(watchProcessors()(), 'boolean');
});
