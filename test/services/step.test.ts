import fc from 'fast-check';
import t from 'tap';
import type { Observed } from '../../gateway/services/engine.ts';
import type { Cause, Service, ServiceState, Wish } from '../../gateway/services/service.ts';
import { nextStep } from '../../gateway/services/step.ts';

const cause: Cause = { code: 'ended', what: 'It ended.', remedy: 'Start it again.' };
const service = (facts: Partial<Service>): Service =>
  ({ wish: 'running', state: 'requested', revision: 1, ...facts }) as Service;

const states: ServiceState[] = ['requested', 'starting', 'ready', 'stopping', 'stopped', 'failed'];
const wishes: Wish[] = ['running', 'stopped', 'removed'];
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
      if (state === 'stopped' && observed.phase !== 'absent') throw new Error('said to be stopped');
      if (act === 'start' && facts.wish !== 'running') throw new Error('started against the wish');
      if (act === 'remove' && (facts.wish !== 'removed' || observed.phase !== 'absent'))
        throw new Error('removed too early');
      if (facts.wish !== 'running' && observed.phase !== 'absent' && act !== 'stop') throw new Error('left running');
    }),
    { numRuns: 2000 },
  );
});

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
      const wanted = { running: ['ready', 'failed'], stopped: ['stopped'], removed: [] as string[] }[facts.wish];
      if (!wanted.includes(now.state)) throw new Error(`it stays ${now.state}`);
    }),
    { numRuns: 2000 },
  );
});
