import fc from 'fast-check';
import t from 'tap';
import { enforceQuery, enforceSelector } from '../../gateway/metrics/index.ts';
import { type Judgement, openJudge, type Question } from './judge.ts';
import { corpus, expressions, noise } from './queries.ts';

const label = 'namespace';
const names = ['knot-ada', 'knot-team-physics'];
const forced = 'namespace=~"knot-ada|knot-team-physics"';

const sentFor = (query: string, enforce = enforceQuery, of = names): string[] | null => {
  try {
    return [enforce(query, { label, names: of })];
  } catch {
    return null;
  }
};

/** What prom-label-proxy 0.11.1 lets through: it does not look at the parameter of an aggregation. */
const isLeakOfTheOther = ({ proxied }: Judgement): boolean =>
  proxied.selectors?.some((matchers) => !matchers.includes(forced)) === true;

const judge = await openJudge();
if (typeof judge !== 'function') {
  t.pass('nothing to compare with', { skip: judge.skip });
} else {
  t.test('the corpus has the same selectors after an independent proxy', async (t) => {
    const questions = corpus.map((query): Question => ({
      parameter: 'query',
      came: [query],
      sent: sentFor(query),
      names,
    }));
    const judged = (await judge(questions)).map((judgement, index) => ({
      ...judgement,
      query: questions[index]!.came[0],
      sent: questions[index]!.sent,
    }));
    const taken = judged.filter(({ sent }) => sent !== null);
    for (const { query, ours } of taken) {
      if (ours.selectors?.some((matchers) => !matchers.includes(forced))) t.fail(`a selector escaped: ${query}`);
    }
    const both = taken.filter(({ proxied }) => proxied.error === undefined);
    const other = both.filter((one) => JSON.stringify(one.ours) !== JSON.stringify(one.proxied));
    t.strictSame(
      other.map(({ query }) => query),
      other.filter(isLeakOfTheOther).map(({ query }) => query),
      'where the other one differs, it is the one that leaks',
    );
    t.strictSame(
      other.map(({ query }) => query),
      [
        'topk(scalar(foo), http_requests)',
        'quantile without(point)(scalar(foo), data)',
        'quantile without(point)((scalar(foo)), data)',
      ],
    );
    t.ok(both.length - other.length >= 1100, `${both.length - other.length} queries came out alike, to the letter`);

    // What Knot takes and Prometheus' parser does not, Prometheus refuses, or it is a selector that says something only now.
    const theirs = taken.filter(({ proxied }) => proxied.error !== undefined);
    t.strictSame(
      theirs.filter(
        ({ ours, proxied }) => ours.error === undefined && !proxied.error!.includes('at least one non-empty matcher'),
      ),
      [],
    );
    // What Knot alone refuses.
    const alone = judged.filter(({ sent, proxied }) => sent === null && proxied.error === undefined);
    const known = [/info\(/, /\\xff|\\xFF|\\xc5/, /\d\.(\/|,|$)/, /namespace="(zzz|observability|knot-bob)"/];
    t.strictSame(
      alone.map(({ query }) => query).filter((query) => !known.some((expression) => expression.test(query!))),
      [],
    );
  });

  t.test('match[] comes out of an independent proxy alike', async (t) => {
    const selectors = corpus.filter((query) => sentFor(query, enforceSelector) !== null);
    const questions = selectors.map((query): Question => {
      return { parameter: 'match[]', came: [query], sent: sentFor(query, enforceSelector), names };
    });
    t.ok(selectors.length > 60, `${selectors.length} selectors`);
    for (const [index, { ours, proxied }] of (await judge(questions)).entries()) {
      // One that has two names of metrics in it: Prometheus refuses what Knot sends.
      if (proxied.error === undefined && ours.error === undefined)
        t.strictSame(ours.selectors, proxied.selectors, selectors[index]!);
      else t.match(ours.error ?? '', /^($|.*must not be set twice)/, selectors[index]!);
    }
  });

  t.test('no selector escapes in what is made up', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    t.comment(`seed ${seed}`);
    const made = [
      ...fc.sample(expressions, { seed, numRuns: 500 }).map(({ text }) => text),
      ...fc.sample(noise, { seed, numRuns: 8_000 }),
    ];
    const questions = made.flatMap((query): Question[] => {
      const sent = sentFor(query);
      return sent === null ? [] : [{ parameter: 'query', came: [query], sent, names }];
    });
    t.ok(questions.length > 800, `${questions.length} of ${made.length} were taken`);
    const judged = await judge(questions);
    const escaped = judged.flatMap(({ ours }, index) =>
      ours.selectors?.some((matchers) => !matchers.includes(forced)) ? [questions[index]] : [],
    );
    t.strictSame(escaped, []);
  });

  t.test('names mean to RE2 what they are', async (t) => {
    const odd = fc
      .sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), 200)
      .filter((name) => name.isWellFormed());
    const questions = ['a.b', 'a|b', '(?i)x', '\\Q', '[a-z]', 'x{2}', '^$', '"', ...odd].map((name): Question => {
      const two = [name, `${name}x`].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      return { parameter: 'query', came: ['up'], sent: sentFor('up', enforceQuery, two), names: two };
    });
    for (const [index, { ours, proxied }] of (await judge(questions)).entries())
      // A line separator (U+2028) in a title would end the test.
      t.strictSame(ours, proxied, encodeURIComponent(questions[index]!.names.join(' ')));
  });
}
