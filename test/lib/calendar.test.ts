import t from 'tap';
import { boundsOf, dayMs, dayOf, elapsedOf, monthOf } from '../../gateway/lib/index.ts';

t.test('days and months are of UTC and end at midnight', async (t) => {
  const midnight = Date.UTC(2027, 0, 1);
  t.strictSame([dayOf(midnight - 1), dayOf(midnight)], ['2026-12-31', '2027-01-01']);
  t.strictSame([monthOf(midnight - 1), monthOf(midnight)], ['2026-12', '2027-01']);
  t.strictSame(boundsOf('2026-12'), { first: Date.UTC(2026, 11, 1), next: midnight });
  const { first, next } = boundsOf('2028-02');
  t.equal((next - first) / dayMs, 29);
});

t.test('a month that has not begun is not over in any part, one that is over in all', async (t) => {
  t.equal(elapsedOf('2026-11', Date.UTC(2026, 9, 31)), 0);
  t.equal(elapsedOf('2026-11', Date.UTC(2026, 10, 16)), 0.5);
  t.equal(elapsedOf('2026-11', Date.UTC(2026, 11, 2)), 1);
});
