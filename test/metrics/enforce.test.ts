import fc from 'fast-check';
import t from 'tap';
import { enforceQuery, enforceSelector, type Readable } from '../../gateway/metrics/index.ts';
import type { KnotError } from '../../gateway/lib/index.ts';
import { expressions, noise } from './queries.ts';

const readable = { label: 'namespace', names: ['knot-ada', 'knot-team-physics'] } satisfies Readable;
const forced = 'namespace=~"knot-ada|knot-team-physics"';

const refusalOf = (query: string, enforce = enforceQuery, of: Readable = readable): KnotError | undefined => {
  try {
    enforce(query, of);
    return undefined;
  } catch (error) {
    return error as KnotError;
  }
};

t.test('the namespaces somebody may read are forced into every selector', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['up', 'up{§}'],
    ['{}', '{§}'],
    ['up{}', 'up{§}'],
    ['up{a="b",}', 'up{a="b",§}'],
    ['up { a = "b" , }', 'up { a = "b" ,§}'],
    ['rate(up[5m])', 'rate(up{§}[5m])'],
    [
      'max_over_time((up or down)[1h:5m] @ end() offset -5m)',
      'max_over_time((up{§} or down{§})[1h:5m] @ end() offset -5m)',
    ],
    ['topk(scalar(secret), up)', 'topk(scalar(secret{§}), up{§})'],
    ['quantile by (a) (scalar(secret), up)', 'quantile by (a) (scalar(secret{§}), up{§})'],
    ['absent(up)', 'absent(up{§})'],
    ['label_replace(up, "namespace", "knot-bob", "", "")', 'label_replace(up{§}, "namespace", "knot-bob", "", "")'],
    ['{__name__=~".+"}', '{__name__=~".+",§}'],
    ['{"up"}', '{"up",§}'],
    ['{"up","a.b"="c"}', '{"up","a.b"="c",§}'],
    ['a * on (b) group_left (c) (d)', 'a{§} * on (b) group_left (c) (d{§})'],
    ['sum(sum) by (by)', 'sum(sum{§}) by (by)'],
    ['and and and', 'and{§} and and{§}'],
    ['a:b:c', 'a:b:c{§}'],
    ['time() + 1', 'time() + 1'],
  ];
  for (const [came, sent] of rows) t.equal(enforceQuery(came, readable), sent.replaceAll('§', forced), came);
  t.end();
});

t.test('matchers of their own stay, and both hold together', (t) => {
  for (const own of [
    'namespace=~"knot-.*"',
    'namespace!="knot-ada"',
    'namespace=~"knot-ada|knot-bob"',
    'namespace="knot-ada"',
  ])
    t.equal(enforceQuery(`up{${own}}`, readable), `up{${own},${forced}}`);
  t.end();
});

t.test('who names what they may not read is told so, in whatever way it is written', (t) => {
  for (const query of [
    'up{namespace="knot-bob"}',
    'up{"namespace"=\'knot-bob\'}',
    'up{namespace="\\x6bnot-bob"}',
    'up or up{namespace=`knot-bob`}',
    'up{namespace=""}',
  ])
    t.match(
      refusalOf(query),
      { code: 'KNOT_METRICS_NAMESPACE', statusCode: 403, remedy: /knot-ada, knot-team-physics/ },
      query,
    );
  t.end();
});

t.test('what could be read in two ways is written in one', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['up # {namespace="x"}', 'up{§}'],
    // Prometheus ends a comment at a carriage return, other readers at the line feed.
    ['up #\r + down', 'up{§} + down{§}'],
    ['# one\n# two\nup', 'up{§}'],
    ['up{a="# }"}', 'up{a="# }",§}'],
    ["up{a='\"}'}", 'up{a="\\"}",§}'],
    ['up{a=`\\"}`}', 'up{a="\\\\\\"}",§}'],
    ['up{a="\\u007b\\x7d\\043\\a"}', 'up{a="{}#\\u0007",§}'],
    ['up{a=`\n`}', 'up{a="\\n",§}'],
    ['up{a="é☺"}', 'up{a="é☺",§}'],
    ['up\t\r\n+\n  down', 'up{§} + down{§}'],
  ];
  for (const [came, sent] of rows)
    t.equal(enforceQuery(came, readable), sent.replaceAll('§', forced), JSON.stringify(came));
  t.end();
});

t.test('what cannot be judged is refused, with place and cause', (t) => {
  const rows: readonly (readonly [string, number, RegExp])[] = [
    ['', 0, /empty/],
    [' # nothing', 1, /empty/],
    ['up{', 3, /too early/],
    ['up{a="b"', 8, /too early/],
    ['sum(up)\n  foo', 10, /line 2, column 3: "foo" cannot stand here/],
    // Of other programs that call themselves alike: MetricsQL, LogQL.
    ['{a="b" or namespace="knot-bob"}', 7, /"or" cannot/],
    ['up{a="b"} | json', 10, /cannot stand/],
    ['with (x = up) x', 5, /cannot stand/],
    ['up{a="b}', 5, /no end/],
    ['up{a="b\nc"}', 5, /no end/],
    ["up{a='b\\q'}", 7, /escape/],
    ['up{a="\\xff"}', 6, /escape/],
    ['up{a="\\ud800"}', 5, /no Unicode/],
    ['up{a="\ud800"}', 5, /no Unicode/],
    ['up\u00a0+ up', 2, /ASCII/],
    ['up\u2028', 2, /ASCII/],
    ['up\0', 2, /ASCII/],
    ['uр', 1, /ASCII/],
    ['up)', 2, /closes/],
    ['up{]', 3, /closes/],
    ['info(up)', 0, /function info/],
    ['up + info(up, {a="b"})', 5, /function info/],
    ['up[$__interval]', 3, /cannot stand/],
    [`${'('.repeat(65)}up${')'.repeat(65)}`, 64, /64 deep/],
    [`up${' '.repeat(16_384)}`, 16_384, /longer than 16,384/],
  ];
  for (const [query, position, cause] of rows) {
    const found = refusalOf(query);
    const title = encodeURIComponent(query.slice(0, 40).toWellFormed());
    t.match(found, { code: 'KNOT_METRICS_QUERY', statusCode: 400, message: cause }, title);
    t.equal(found?.details?.['position'], position, title);
  }
  t.end();
});

t.test('match[] is one selector and nothing else', (t) => {
  t.equal(enforceSelector('up', readable), `up{${forced}}`);
  t.equal(enforceSelector(' {__name__=~"a.*"} # x', readable), `{__name__=~"a.*",${forced}}`);
  for (const other of ['up or down', '(up)', 'up[5m]', 'up offset 5m', '1', '"up"', '-up', 'rate(up[5m])', 'up @ 0'])
    t.match(refusalOf(other, enforceSelector), { code: 'KNOT_METRICS_QUERY', message: /one selector/ }, other);
  t.end();
});

t.test('who may read nothing gets nothing but arithmetic; who may read everything, all in the one spelling', (t) => {
  for (const names of [[], ['']])
    t.match(refusalOf('up', enforceQuery, { label: 'namespace', names }), {
      code: 'KNOT_METRICS_NOTHING',
      statusCode: 403,
    });
  t.equal(enforceQuery('1 + 1', { label: 'namespace', names: [] }), '1 + 1');
  t.equal(enforceQuery("up{namespace='knot-bob'} # all", 'everything'), 'up{namespace="knot-bob"}');
  t.match(refusalOf('info(up)', enforceQuery, 'everything'), { code: 'KNOT_METRICS_QUERY' });
  t.end();
});

t.test('names mean themselves, whatever is in them', (t) => {
  t.equal(
    enforceQuery('up', { label: 'namespace', names: ['a.b', 'c|d', '"', '\\', '^x$'] }),
    String.raw`up{namespace=~"a\\.b|c\\|d|\"|\\\\|\\^x\\$"}`,
  );
  t.end();
});

t.test(
  'property: a right query is taken, each of its selectors carries the names, and nothing else of it changes',
  (t) => {
    fc.assert(
      fc.property(expressions, ({ text, selectors }) => {
        const sent = enforceQuery(text, readable);
        const count = sent.split(forced).length - 1;
        // Without what was forced in, it is what came: twice enforced is enforced once and once more.
        return count === selectors && enforceQuery(sent, 'everything') === sent;
      }),
      { numRuns: 400 },
    );
    t.end();
  },
);

t.test('property: whatever comes is refused with a code or carries the names', (t) => {
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
      const refused = refusalOf(text);
      return refused === undefined || refused.code?.startsWith('KNOT_METRICS_') === true;
    }),
    { numRuns: 1500 },
  );
  t.end();
});
