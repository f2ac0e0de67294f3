import t from 'tap';
import { createNewcomerPace } from '../../../gateway/proxy/listener/newcomer-pace.ts';

function given() {
  const times = { now: 1_000, idle: 0 };
  const pace = createNewcomerPace({ now: () => times.now, idle: () => times.idle });
  /** The loop works for so long and then has nothing to do for so long. */
  const pass = (work: number, idle: number): void => {
    times.now += work + idle;
    times.idle += idle;
  };
  return { pace, pass };
}

t.test('where nobody is at work, newcomers wait for nothing', async (t) => {
  const { pace, pass } = given();
  for (let count = 0; count < 50; count += 1) {
    t.ok(pace.mayBegin(1_000));
    pace.begun();
    pass(1, 0);
  }
});

t.test('while somebody is at work the loop rests between them, and the fewer the more wait', async (t) => {
  const { pace, pass } = given();
  pace.noteUse();
  t.ok(pace.mayBegin(10), 'the first one after a while');
  pace.begun();
  pass(0.5, 2);
  t.notOk(pace.mayBegin(10), 'work is no rest');
  t.notOk(pace.mayBegin(1_000));
  t.ok(pace.mayBegin(8_000), 'so many would wait for too long');
  pass(0, 1);
  t.ok(pace.mayBegin(10));
});

t.test('a loop that never rests lets one begin all the same', async (t) => {
  const { pace, pass } = given();
  pace.noteUse();
  pace.mayBegin(10);
  pace.begun();
  for (let count = 0; count < 9; count += 1) {
    pass(1, 0);
    pace.noteUse();
    t.notOk(pace.mayBegin(10));
  }
  pass(1, 0);
  t.ok(pace.mayBegin(10));
});

t.test('who has done nothing for a while is not at work', async (t) => {
  const { pace, pass } = given();
  pace.noteUse();
  pace.mayBegin(10);
  pass(250, 0);
  pace.begun();
  pass(1, 0);
  t.ok(pace.mayBegin(10));
});
