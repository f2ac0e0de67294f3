import t from 'tap';
import { enforceQuery } from '../../gateway/metrics/index.ts';
import { startPrometheus } from '../support/process/prometheus.ts';
import { corpus } from './queries.ts';
import { middle, samplesOf } from './samples.ts';

const ada = { label: 'namespace', names: ['knot-ada'] };

const all = await startPrometheus(samplesOf('ada', 'bob', 'nobody'));
const alone = await startPrometheus(samplesOf('ada'));
t.teardown(async () => {
  for (const prometheus of [all, alone]) if (!('skip' in prometheus)) await prometheus.stop();
});

if ('skip' in all || 'skip' in alone) {
  t.pass('nothing to ask', { skip: 'skip' in all ? all.skip : 'Prometheus is not installed' });
} else {
  type Answer = { status: string; error?: string; data?: { resultType: string; result: unknown } };

  const ask = async (url: string, query: string, isRange: boolean): Promise<Answer> => {
    const time: Record<string, string> = isRange
      ? { start: String(middle - 600), end: String(middle), step: '60' }
      : { time: String(middle) };
    const response = await fetch(`${url}/api/v1/query${isRange ? '_range' : ''}`, {
      method: 'POST',
      body: new URLSearchParams({ query, ...time }),
    });
    return (await response.json()) as Answer;
  };

  /** Series in whatever order; the places of an error's cause move with what was forced in. */
  const comparable = ({ status, error, data }: Answer): unknown => ({
    status,
    ...(error !== undefined && { error: error.replace(/\d+:\d+: parse error/g, 'parse error') }),
    result: Array.isArray(data?.result) ? data.result.map((one) => JSON.stringify(one)).sort() : data?.result,
  });

  const enforced = corpus.flatMap((query) => {
    try {
      return [{ query: enforceQuery(query, 'everything'), sent: enforceQuery(query, ada) }];
    } catch {
      return [];
    }
  });

  for (const isRange of [false, true]) {
    t.test(`no ${isRange ? 'range of ' : ''}samples of another namespace, in whatever query`, async (t) => {
      let answered = 0;
      // Ranges of a part: the same selectors, and each query is asked twice.
      const asked = isRange ? enforced.filter((_, index) => index % 5 === 0) : enforced;
      for (const { query, sent } of asked) {
        const got = await ask(all.url, sent, isRange);
        if (/"owner":"(bob|nobody)"/.test(JSON.stringify(got))) t.fail(`${query} shows series of somebody else`);
        // As if nobody else were there: sums and counts as well.
        const wanted = await ask(alone.url, query, isRange);
        if (/at least one non-empty matcher/.test(wanted.error ?? '')) continue;
        if (JSON.stringify(comparable(got)) !== JSON.stringify(comparable(wanted)))
          t.strictSame(comparable(got), comparable(wanted), query);
        const { result } = got.data ?? {};
        if (Array.isArray(result) && result.length > 0) answered++;
      }
      t.ok(answered > asked.length / 2, `${answered} of ${asked.length} had something to answer`);
    });
  }
}
