import t from 'tap';
import {
  fullnessOf,
  heldParts,
  nearestLimit,
  reasonWords,
  servicesWords,
} from '../../dashboard/src/lib/plans/fullness.ts';

t.test('how full somebody is, in numbers that a bar can be drawn from', async (t) => {
  t.match(fullnessOf({ bytes: 250, limit: 1000 }), { used: 0.25, reserved: 0, tone: 'calm', meaning: undefined });
  t.match(fullnessOf({ bytes: 250, reserved: 500, limit: 1000 }), { used: 0.25, reserved: 0.5, tone: 'calm' });
  t.match(fullnessOf({ bytes: 900, limit: 1000 }), { tone: 'nearly', meaning: /trash counts/ });
  t.match(fullnessOf({ bytes: 500, reserved: 900, limit: 1000 }), { used: 0.5, reserved: 0.5, tone: 'nearly' });
  t.match(fullnessOf({ bytes: 1000, limit: 1000 }), { used: 1, tone: 'nearly' }, 'full is not over');
  t.match(fullnessOf({ bytes: 3000, reserved: 10, limit: 1000 }), {
    used: 1,
    reserved: 0,
    tone: 'over',
    words: '3.0 kB of 1.0 kB used',
    meaning: '2.0 kB over: nothing is lost, and nothing more fits until less than 1.0 kB is used.',
  });
  t.match(fullnessOf({ bytes: 0, limit: 0 }), { used: 0, tone: 'calm' });
  t.match(fullnessOf({ bytes: 1, limit: 0 }), { used: 1, tone: 'over' });
  t.match(fullnessOf({ bytes: 5 }), { words: '5 B used, not limited', tone: 'calm' });
});

t.test('why a plan is in force', async (t) => {
  const plan = { name: 'small', title: 'Small', storage: 1 };
  t.equal(reasonWords({ plan, source: 'given' }), 'given by an admin');
  t.equal(
    reasonWords({ plan, source: 'default', lost: 'huge' }),
    'the default; the plan “huge” that was given is not in knot.yaml any more',
  );
  t.equal(reasonWords({ plan: null, source: 'none' }), 'nothing is limited');
});

t.test('what a plan allows of services is said in one line', async (t) => {
  t.equal(servicesWords({}), 'no limit');
  t.equal(servicesWords({ services: 0 }), 'none');
  t.equal(
    servicesWords({ services: 3, cpu: 1, memory: 8e9, idleSeconds: 3600 }),
    '3 at once, 1 processor, 7.5 GiB of memory, asleep after 1 h 0 min',
  );
  t.equal(servicesWords({ idleSeconds: 0, cpu: 2.5 }), '2.5 processors');
});

t.test('what runs is drawn beside what the plan allows of it', async (t) => {
  const held = { services: 2, cpu: 1.5, memory: 3 * 2 ** 30 };
  const parts = heldParts(held, { services: 3, cpu: 4, memory: 4 * 2 ** 30 });
  t.match(
    parts.map(({ shown }) => [shown.words, shown.tone, Math.round(shown.used * 100)]),
    [
      ['2 of 3 run', 'calm', 67],
      ['1.5 of 4 processors', 'calm', 38],
      ['3 GiB of 4 GiB of memory', 'calm', 75],
    ],
  );
  t.equal(nearestLimit(parts).about, 'Memory');
  t.match(nearestLimit(heldParts(held, { cpu: 1 })), { about: 'Processors', shown: { tone: 'over', used: 1 } });
  t.match(nearestLimit(heldParts(held, {})), {
    about: 'Services',
    isLimited: false,
    shown: { words: '2 services run' },
  });
  t.match(nearestLimit(heldParts(held, { services: 0 })), { about: 'Services', shown: { tone: 'over', used: 1 } });
  t.match(nearestLimit(heldParts({ services: 0, cpu: 0, memory: 0 }, { services: 0 })), { shown: { used: 0 } });
});
