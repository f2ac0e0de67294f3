import t from 'tap';
import { createNotices } from '../../gateway/api/notices.ts';
import type { Route } from '../../gateway/routes/index.ts';

const route = (name: string): Route => ({ name, host: `${name}.localhost` }) as Route;

t.test('what happens again before it is told is told once', async (t) => {
  const notices = createNotices();
  for (let n = 0; n < 1000; n++) notices.note('admins', { topic: 'audit' }, n);
  notices.note('person:ann', { topic: 'users', id: 'ann' }, 1);
  notices.note('person:ann', { topic: 'users', id: 'ann' }, 2);
  t.strictSame(notices.of('admins', 0), [{ topic: 'audit' }]);
  t.strictSame(notices.of('person:ann', 0), [{ topic: 'users', id: 'ann' }]);
  t.strictSame(notices.of('everyone', 0), []);
  t.strictSame([...notices.hearers()], ['admins', 'person:ann']);
});

t.test('more changes of a topic than a page would read one by one become one of the whole topic', async (t) => {
  const notices = createNotices();
  notices.note('admins', { topic: 'teams', id: 'optics' }, 0);
  for (let n = 0; n < 10_000; n++) notices.note('admins', { topic: 'users', id: `u${n}` }, 0);
  t.strictSame(notices.of('admins', 0), [{ topic: 'teams', id: 'optics' }, { topic: 'users' }]);
});

t.test(
  'a change of two applications at once may be known by who may open either; of many, by all, without a name',
  async (t) => {
    const notices = createNotices();
    const [old, moved] = [route('old'), route('moved')];
    notices.note('everyone', { topic: 'tiles', id: 'tool', routes: [old] }, 0);
    notices.note('everyone', { topic: 'tiles', id: 'tool', routes: [moved] }, 0);
    t.strictSame(notices.of('everyone', 0), [{ topic: 'tiles', id: 'tool', routes: [old, moved] }]);
    notices.note('person:ann', { topic: 'tiles', id: 'tool', title: 'A', routes: [old] }, 0);
    notices.note('person:ann', { topic: 'tiles', id: 'tool', title: 'B', routes: [moved] }, 0);
    t.match(notices.of('person:ann', 0), [{ title: 'B' }], 'the last of two titles');
    notices.note('person:ann', { topic: 'tiles', id: 'tool', routes: [moved] }, 0);
    notices.note('person:ann', { topic: 'tiles', id: 'tool', title: 'C', routes: [moved] }, 0);
    t.equal(notices.of('person:ann', 0)[0]!.title, undefined, 'more than the title changed');
    for (let n = 0; n < 100; n++)
      notices.note('everyone', { topic: 'tiles', id: `t${n}`, routes: [route(`t${n}`)] }, 0);
    t.strictSame(notices.of('everyone', 0), [{ topic: 'tiles' }]);
  },
);

t.test('what is older than asked for is not told, and is forgotten', async (t) => {
  const notices = createNotices();
  notices.note('person:ann', { topic: 'tiles' }, 10);
  notices.note('person:bob', { topic: 'tiles' }, 20);
  notices.note('person:ann', { topic: 'users', id: 'ann' }, 30);
  t.strictSame(notices.of('person:ann', 20), [{ topic: 'users', id: 'ann' }]);
  notices.forget(25);
  t.strictSame([...notices.hearers()], ['person:ann']);
});
