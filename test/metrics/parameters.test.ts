import t from 'tap';
import type { KnotError } from '../../gateway/lib/index.ts';
import { type Endpoint, endpoints, enforceParameters } from '../../gateway/metrics/index.ts';

const readable = { label: 'namespace', names: ['knot-ada'] };
const forced = 'namespace=~"knot-ada"';

const sent = (endpoint: Endpoint, came: string, of: typeof readable | 'everything' = readable): [string, string][] => [
  ...enforceParameters(endpoint, [...new URLSearchParams(came)], of),
];
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'sent';
  } catch (error) {
    return (error as KnotError).code;
  }
};

t.test('parameters are read once and written anew', async (t) => {
  t.strictSame(sent('query', 'query=up&time=1700000000.5'), [
    ['query', `up{${forced}}`],
    ['time', '1700000000.5'],
  ]);
  t.strictSame(sent('query_range', 'start=2026-11-30T00:00:00Z&end=now&step=1m&query=sum(up)'), [
    ['start', '2026-11-30T00:00:00Z'],
    ['end', 'now'],
    ['step', '1m'],
    ['query', `sum(up{${forced}})`],
  ]);
  t.strictSame(sent('query_exemplars', 'query=up')[0], ['query', `up{${forced}}`]);
});

t.test('what stands there twice is refused, in whatever place it came', async (t) => {
  for (const came of ['query=up&query=down', 'query=up&time=1&time=2', 'query=up&query=', 'query=&query=up'])
    t.match(
      codeOf(() => sent('query', came)),
      /KNOT_METRICS_(PARAMETER|QUERY)/,
      came,
    );
});

t.test('what Knot does not know is refused', async (t) => {
  for (const came of [
    'query=up&tenant=bob',
    'query=up&match[]=up',
    'Query=up',
    'query=up&Time=1',
    'query[]=up',
    'time=1',
    '',
    'query=up&__proto__=1',
    'query=up&constructor=1',
  ])
    t.equal(
      codeOf(() => sent('query', came)),
      'KNOT_METRICS_PARAMETER',
      came,
    );
  for (const came of [
    'query=up&time=1%0a',
    'query=up&time=',
    'query=up&time=%00',
    `query=up&time=${'1'.repeat(65)}`,
    'query=up&timeout=1s%26query%3Ddown',
  ])
    t.equal(
      codeOf(() => sent('query', came)),
      'KNOT_METRICS_PARAMETER',
      came,
    );
  t.equal(
    codeOf(() => sent('series', 'query=up')),
    'KNOT_METRICS_PARAMETER',
  );
});

t.test('selectors of series are enforced each, and put in where none came', async (t) => {
  for (const endpoint of ['series', 'labels', 'values'] as const) {
    t.strictSame(sent(endpoint, 'match[]=up&match[]={__name__=~".%2b"}&limit=5'), [
      ['limit', '5'],
      ['match[]', `up{${forced}}`],
      ['match[]', `{__name__=~".+",${forced}}`],
    ]);
    t.strictSame(sent(endpoint, ''), [['match[]', `{${forced}}`]]);
    t.strictSame(sent(endpoint, '', 'everything'), []);
    t.equal(
      codeOf(() => sent(endpoint, 'match[]=up or down')),
      'KNOT_METRICS_QUERY',
    );
    t.equal(
      codeOf(() => sent(endpoint, Array.from({ length: 65 }, () => 'match[]=up').join('&'))),
      'KNOT_METRICS_PARAMETER',
    );
    t.equal(
      codeOf(() => enforceParameters(endpoint, [], { label: 'namespace', names: [] })),
      'KNOT_METRICS_NOTHING',
    );
  }
});

t.test('the list of what goes through is this one', async (t) => {
  t.strictSame(Object.keys(endpoints).sort(), [
    'labels',
    'query',
    'query_exemplars',
    'query_range',
    'series',
    'values',
  ]);
});
