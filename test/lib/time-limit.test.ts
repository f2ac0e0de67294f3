import t from 'tap';
import { timeLimit } from '../../gateway/lib/index.ts';
import { aWhile, eventually } from '../support/eventually.ts';

t.test('time that is up is told as such, and what was given is told as what it was', async (t) => {
  const short = timeLimit(1);
  await eventually('time is up', () => short.signal.aborted);
  t.match(short.signal.reason, { name: 'TimeoutError' });
  const stop = new AbortController();
  const given = timeLimit(60_000, stop.signal);
  t.teardown(given.end);
  t.notOk(given.signal.aborted);
  stop.abort(new Error('enough'));
  t.match(given.signal.reason, { message: 'enough' });
});

t.test('what is called off never comes; without a time there is no limit', async (t) => {
  const limit = timeLimit(1);
  limit.end();
  const none = timeLimit(undefined);
  await aWhile();
  t.notOk(limit.signal.aborted);
  t.notOk(none.signal.aborted);
  none.end();
});
