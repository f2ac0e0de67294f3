import t from 'tap';
import { causesOf, placeWords, shownSteps } from '../../dashboard/src/lib/places/words.ts';

const step = (name: 'namespace' | 'network' | 'files', more: object) =>
  ({ name, title: name, state: 'done', since: 5, attempts: 0, ...more }) as const;

t.test('a place says how it is in words, and once what is in its way', async (t) => {
  t.match(placeWords('Your place', undefined), /Your place in the cluster is being made/);
  t.match(
    placeWords('The place of ann', { state: 'paused', namespace: 'knot-ann' }),
    /disabled: nothing runs in knot-ann/,
  );
  t.match(placeWords('Your place', { state: 'failed', namespace: 'knot-ann' }), /not complete/);
  const steps = [
    step('namespace', { state: 'done', cause: 'of before' }),
    step('network', { state: 'failed', cause: 'refused', attempts: 2 }),
    step('files', { state: 'doing', cause: 'refused' }),
  ];
  t.strictSame(causesOf(steps), ['refused']);
  t.strictSame(shownSteps(steps), [
    { title: 'namespace', state: 'done' },
    { title: 'network', state: 'failed', startedAt: 5 },
    { title: 'files', state: 'working', startedAt: 5 },
  ]);
});
