import t from 'tap';
import { after, type Moment } from '../../dashboard/src/lib/ui/steps/steps.ts';

const told = (...moments: Moment[]) => moments.reduce<ReturnType<typeof after>>(after, []);

t.test('a step ends when the next one begins, and its time is what it took', async (t) => {
  const steps = told(
    { step: 'venv', stepStartedAt: 1000 },
    { step: 'venv', stepStartedAt: 1000 },
    { step: 'packages', stepStartedAt: 5000 },
  );
  t.strictSame(steps, [
    { title: 'venv', state: 'done', startedAt: 1000, endedAt: 5000 },
    { title: 'packages', state: 'working', startedAt: 5000 },
  ]);
});

t.test('work that is over leaves its last step done, or failed', async (t) => {
  const begun = { step: 'venv', stepStartedAt: 1000 };
  t.match(told(begun, {}), [{ state: 'done' }]);
  t.match(told(begun, { hasFailed: true }), [{ state: 'failed' }]);
  t.strictSame(told({}), [], 'nothing is made up');
  t.match(told(begun, { hasFailed: true }, { step: 'packages', stepStartedAt: 9 }), [
    { title: 'venv', state: 'failed' },
    { title: 'packages', state: 'working' },
  ]);
});

t.test('a step that comes again is one step', async (t) => {
  const steps = told({ step: 'a' }, { step: 'b' }, { step: 'a', stepStartedAt: 7 });
  t.strictSame(
    steps.map(({ title, state }) => `${title} ${state}`),
    ['b done', 'a working'],
  );
});
