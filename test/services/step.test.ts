import fc from 'fast-check';
import t from 'tap';
import type { Observed } from '../../gateway/services/engine.ts';
import type { Cause, Service, ServiceState, Wish } from '../../gateway/services/service.ts';
import { leftAlone } from '../../gateway/services/causes.ts';
import { type Act, wishedBy } from '../../gateway/services/acts.ts';
import { nextStep } from '../../gateway/services/step.ts';

const cause: Cause = { code: 'ended', what: 'It ended.', remedy: 'Start it again.' };
const service = (facts: Partial<Service>): Service =>
  ({ wish: 'running', state: 'requested', revision: 1, ...facts }) as Service;

const states: ServiceState[] = [
  'requested',
  'starting',
  'waking',
  'ready',
  'sleeping',
  'stopping',
  'stopped',
  'failed',
];
const wishes: Wish[] = ['running', 'asleep', 'stopped', 'removed'];
const anything = fc.record({
  state: fc.constantFrom(...states),
  wish: fc.constantFrom(...wishes),
  revision: fc.integer({ min: 1, max: 3 }),
});
const observations = fc.oneof(
  fc.constantFrom<Observed>({ phase: 'absent' }, { phase: 'ending' }),
  fc
    .integer({ min: 1, max: 3 })
    .chain((revision) =>
      fc.constantFrom<Observed>(
        { phase: 'starting', revision },
        { phase: 'running', revision },
        { phase: 'gone', revision, cause },
      ),
    ),
);

t.test('what is wanted and what is seen give one act and one state', async (t) => {
  const rows: [string, Partial<Service>, Observed, ReturnType<typeof nextStep>][] = [
    ['a new one is started', {}, { phase: 'absent' }, { act: 'start', state: 'starting' }],
    ['one that answers is ready', { state: 'starting' }, { phase: 'running', revision: 1 }, { state: 'ready' }],
    [
      'one that stopped answering is not',
      { state: 'ready' },
      { phase: 'starting', revision: 1, cause },
      { state: 'starting', cause },
    ],
    [
      'one that was given up has failed',
      { state: 'starting' },
      { phase: 'gone', revision: 1, cause },
      { act: 'stop', state: 'failed', cause },
    ],
    ['and stays so', { state: 'failed', cause }, { phase: 'absent' }, { state: 'failed', cause }],
    [
      'other values are another start',
      { state: 'ready', revision: 2 },
      { phase: 'running', revision: 1 },
      { act: 'start', state: 'starting' },
    ],
    [
      'after a restart of the gateway it runs again',
      { state: 'ready' },
      { phase: 'absent' },
      { act: 'start', state: 'starting' },
    ],
    [
      'stopped',
      { wish: 'stopped', state: 'ready' },
      { phase: 'running', revision: 1 },
      { act: 'stop', state: 'stopping' },
    ],
    ['and then it is', { wish: 'stopped', state: 'stopping' }, { phase: 'absent' }, { state: 'stopped' }],
    [
      'started again while it ends, it waits for the end',
      { state: 'requested', revision: 2 },
      { phase: 'ending' },
      { state: 'stopping' },
    ],
    [
      'put to sleep while it runs, it ends',
      { wish: 'asleep', state: 'ready' },
      { phase: 'running', revision: 1 },
      { act: 'stop', state: 'stopping' },
    ],
    [
      'and then it sleeps, and says why',
      { wish: 'asleep', state: 'stopping' },
      { phase: 'absent' },
      { state: 'sleeping', cause: leftAlone },
    ],
    [
      'one that wakes is started',
      { state: 'waking', revision: 2 },
      { phase: 'absent' },
      { act: 'start', state: 'waking' },
    ],
    [
      'and wakes until it answers',
      { state: 'waking', revision: 2 },
      { phase: 'starting', revision: 2 },
      { state: 'waking' },
    ],
    [
      'woken while it goes to sleep, it wakes when that has ended',
      { state: 'waking', revision: 2 },
      { phase: 'ending' },
      { state: 'waking' },
    ],
    ['then it is ready', { state: 'waking', revision: 2 }, { phase: 'running', revision: 2 }, { state: 'ready' }],
    [
      'asleep when the gateway starts again, it sleeps on',
      { wish: 'asleep', state: 'sleeping', cause: leftAlone },
      { phase: 'absent' },
      { state: 'sleeping', cause: leftAlone },
    ],
    [
      'removed while it runs, it is stopped first',
      { wish: 'removed', state: 'ready' },
      { phase: 'running', revision: 1 },
      { act: 'stop', state: 'stopping' },
    ],
    [
      'then taken away',
      { wish: 'removed', state: 'stopping' },
      { phase: 'absent' },
      { act: 'remove', state: 'stopped' },
    ],
  ];
  for (const [what, facts, observed, step] of rows) t.strictSame(nextStep(service(facts), observed), step, what);
});

t.test('nothing is said to run that does not, nothing runs that nobody wants', async () => {
  fc.assert(
    fc.property(anything, observations, (facts, observed) => {
      const { act, state } = nextStep(service(facts), observed);
      const runsNow = observed.phase === 'running' && observed.revision === facts.revision;
      if (state === 'ready' && !runsNow) throw new Error('said to be ready');
      if (state === 'sleeping' && (facts.wish !== 'asleep' || observed.phase !== 'absent'))
        throw new Error('said to sleep');
      if (state === 'stopped' && observed.phase !== 'absent') throw new Error('said to be stopped');
      if (act === 'start' && facts.wish !== 'running') throw new Error('started against the wish');
      if (act === 'remove' && (facts.wish !== 'removed' || observed.phase !== 'absent'))
        throw new Error('removed too early');
      if (facts.wish !== 'running' && observed.phase !== 'absent' && act !== 'stop') throw new Error('left running');
    }),
    { numRuns: 2000 },
  );
});

/** What a service may stay, by what is wanted of it. */
const rests: Record<Wish, ServiceState[]> = {
  running: ['ready', 'failed'],
  asleep: ['sleeping'],
  stopped: ['stopped'],
  removed: [],
};

t.test('from any state the wish comes true, whatever happened before', async () => {
  fc.assert(
    fc.property(anything, observations, (facts, first) => {
      let now = service(facts);
      let seen: Observed = first;
      for (let round = 0; round < 8; round += 1) {
        const step = nextStep(now, seen);
        now = { ...now, state: step.state };
        // An engine that does as it is told, and whose programs answer.
        if (step.act === 'start') seen = { phase: 'running', revision: now.revision };
        else if (step.act === 'stop' || seen.phase === 'ending') seen = { phase: 'absent' };
        else if (step.act === 'remove') return;
        else if (seen.phase === 'starting') seen = { phase: 'running', revision: seen.revision };
      }
      if (!rests[facts.wish].includes(now.state)) throw new Error(`it stays ${now.state}`);
    }),
    { numRuns: 2000 },
  );
});

t.test('what an act makes of a service', async (t) => {
  const rows: [string, Act, Partial<Service>, ReturnType<typeof wishedBy>][] = [
    ['pressing Start twice is pressing it once', 'start', { state: 'starting' }, {}],
    ['what failed begins anew', 'start', { state: 'failed' }, begun('requested')],
    ['started during the stop', 'start', { wish: 'stopped', state: 'stopping' }, begun('requested')],
    ['started while it sleeps, it wakes', 'start', { wish: 'asleep', state: 'sleeping' }, begun('waking')],
    ['a visit wakes it', 'wake', { wish: 'asleep', state: 'sleeping' }, begun('waking')],
    ['also while it is going to sleep', 'wake', { wish: 'asleep', state: 'stopping' }, begun('waking')],
    ['two visits wake it once', 'wake', { wish: 'running', state: 'waking' }, {}],
    ['a visit does not start what its owner stopped', 'wake', { wish: 'stopped', state: 'stopped' }, undefined],
    ['nor begin again what was given up', 'wake', { state: 'failed' }, {}],
    ['stopped while it wakes', 'stop', { state: 'waking' }, { wish: 'stopped', state: 'stopping', since: 5 }],
    ['what was given up has nothing to end', 'stop', { state: 'failed' }, { wish: 'stopped' }],
    ['removed while it runs', 'remove', { state: 'ready' }, { wish: 'removed', state: 'stopping', since: 5 }],
    ['stopped while it sleeps', 'stop', { wish: 'asleep', state: 'sleeping' }, { wish: 'stopped' }],
    ['what answers may sleep', 'sleep', { state: 'ready' }, { wish: 'asleep' }],
    ['what does not answer yet is not put to sleep', 'sleep', { state: 'waking' }, undefined],
    ['nor what was given up', 'sleep', { state: 'failed' }, undefined],
    ['what was stopped stays so', 'sleep', { wish: 'stopped', state: 'ready' }, undefined],
    ['what is being removed is wanted no more', 'start', { wish: 'removed', state: 'stopping' }, undefined],
    ['and not woken', 'wake', { wish: 'removed', state: 'stopping' }, undefined],
  ];
  for (const [what, act, facts, wished] of rows) t.strictSame(wishedBy(act, service(facts), 5), wished, what);
});

function begun(state: ServiceState) {
  return { wish: 'running' as const, state, since: 5, revision: 2 };
}

t.test(
  'whatever is done in whatever order, and whatever its program does meanwhile, the last wish comes true',
  async () => {
    const happening = fc.oneof(
      fc.constantFrom<Act>('start', 'stop', 'wake', 'sleep', 'remove'),
      fc.constantFrom('look', 'answers', 'ends', 'crashes', 'is cut'),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 25 }), (happenings) => {
        let now = service({});
        let seen: Observed = { phase: 'absent' };
        let isGone = false;
        const look = (): void => {
          const step = nextStep(now, seen);
          now = { ...now, state: step.state, ...(step.cause && { cause: step.cause }) };
          if (step.act === 'start') seen = { phase: 'starting', revision: now.revision };
          else if (step.act === 'stop') seen = { phase: 'ending' };
          else if (step.act === 'remove') isGone = true;
        };
        for (const each of happenings) {
          if (isGone) return;
          if (each === 'look') look();
          else if (each === 'answers') {
            if (seen.phase === 'starting') seen = { phase: 'running', revision: seen.revision };
          } else if (each === 'ends') seen = seen.phase === 'ending' ? { phase: 'absent' } : seen;
          else if (each === 'crashes')
            seen = 'revision' in seen ? { phase: 'gone', revision: seen.revision, cause } : seen;
          // The gateway is killed and starts again: nothing of it runs.
          else if (each === 'is cut') seen = { phase: 'absent' };
          else {
            const before = now;
            const wished = wishedBy(each, now, 0);
            if (wished !== undefined) now = { ...now, ...wished };
            if (before.wish === 'stopped' && (each === 'wake' || each === 'sleep') && now.wish !== 'stopped')
              throw new Error('woken against the wish of its owner');
          }
        }
        const { wish } = now;
        for (let round = 0; round < 12 && !isGone; round += 1) {
          look();
          if (seen.phase === 'ending') seen = { phase: 'absent' };
          else if (seen.phase === 'starting') seen = { phase: 'running', revision: seen.revision };
        }
        if (wish === 'removed' ? !isGone : !rests[wish].includes(now.state))
          throw new Error(`wanted ${wish}, and it stays ${now.state}`);
      }),
      { numRuns: 3000 },
    );
  },
);
