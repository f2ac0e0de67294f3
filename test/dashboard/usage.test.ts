import t from 'tap';
import { amount, measuredWords, measuresOf, partsOf, price } from '../../dashboard/src/lib/tools/usage.ts';

t.test('figures are short, and a little is not nothing', async (t) => {
  for (const [value, words] of [
    [0, '0'],
    [0.000123, '0.000123'],
    [0.25, '0.25'],
    [3.4567, '3.46'],
    [1234.5, '1,230'],
  ] as const)
    t.equal(amount(value, 'en'), words);
  t.equal(price(3, 'EUR', 'en'), '€3.00');
  t.equal(price(3.456, 'points', 'en'), '3.46 points', 'a currency that only this installation has');
});

t.test('days and services are shown by cost only where there are prices', async (t) => {
  t.strictSame(
    measuresOf({}).map(({ title }) => title),
    ['Processor hours', 'Memory (GiB hours)'],
  );
  const priced = measuresOf({ prices: { currency: 'points', cpuHour: 1 } });
  t.equal(priced.at(-1)?.key, 'cost');
  t.match(priced.at(-1)?.words(2), /^2 points$/);
});

t.test('what is not measured is said, for each month as it was', async (t) => {
  const words = (since: string | undefined, month = '2027-01', measuredBy: 'services' | 'prometheus' = 'services') =>
    measuredWords({ measuredBy, month, ...(since !== undefined && { since }) });
  const others = 'What notebooks use is not measured here.';
  t.strictSame(words('2027-01-15', '2027-01', 'prometheus'), { isKnown: true }, 'Prometheus knows all');
  t.strictSame(words(undefined), { isKnown: true });
  t.strictSame(words('2026-12-31'), { isKnown: true, words: `Services alone. ${others}` });
  t.strictSame(words('2027-01-15'), {
    isKnown: true,
    words: `Services alone, since 2027-01-15; what was before is not known. ${others}`,
  });
  t.strictSame(words('2027-02-01'), {
    isKnown: false,
    words: 'Nothing is known of this month: services are measured since 2027-02-01.',
  });
});

t.test('what is used now is said beside what the plan gives, or that it gives without a bound', async (t) => {
  const parts = partsOf({
    now: { cpu: 0.5, memory: 2 ** 30, storage: 0, services: 1 },
    limits: { cpu: 2, services: 3 },
  });
  const told = JSON.stringify(parts);
  for (const words of ['0.5 of 2', '1 of 3', 'not limited']) t.match(told, words);
  t.notMatch(told, 'undefined');
});
