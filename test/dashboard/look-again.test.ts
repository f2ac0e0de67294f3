import { mock } from 'node:test';
import t from 'tap';
import { lookAgain } from '../../dashboard/src/lib/live/look-again.ts';

t.test('what no event tells is looked at while somebody sees the page, and when they come back', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  t.teardown(() => mock.timers.reset());
  const turn = (state: string): void => {
    page.visibilityState = state;
    page.dispatchEvent(new Event('visibilitychange'));
  };
  let looks = 0;
  const end = lookAgain(() => (looks += 1), 100, page);
  mock.timers.tick(250);
  t.equal(looks, 2);
  turn('hidden');
  mock.timers.tick(500);
  t.equal(looks, 2, 'nobody sees it');
  turn('visible');
  t.equal(looks, 3, 'at once');
  end();
  mock.timers.tick(500);
  turn('visible');
  t.equal(looks, 3, 'it ended');
});
