import t from 'tap';
import { eachAtOnce } from '../../gateway/lib/index.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('each is worked on once, in their order, and so many at a time', async (t) => {
  const begun: [string, number][] = [];
  let now = 0;
  let most = 0;
  await eachAtOnce(['a', 'b', 'c', 'd', 'e'], 2, async (item, index) => {
    begun.push([item, index]);
    most = Math.max(most, (now += 1));
    await turn();
    now -= 1;
  });
  t.strictSame(begun, [
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 3],
    ['e', 4],
  ]);
  t.equal(most, 2);
  await t.resolves(eachAtOnce([], 2, () => Promise.reject(new Error('nothing is there'))));
});

t.test('the first that fails is what it fails with, and nothing is begun after it', async (t) => {
  const begun: number[] = [];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    await turn();
    if (item === 2) throw new Error('two');
  };
  await t.rejects(eachAtOnce([1, 2, 3, 4, 5, 6], 2, work), { message: 'two' });
  await turn();
  await turn();
  t.strictSame(begun, [1, 2, 3]);
});
