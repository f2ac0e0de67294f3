import t from 'tap';
import { addressAfter, nextSort, pagesAround, readAddress } from '../../dashboard/src/lib/ui/list/address.ts';
import { limits as shown } from '../../dashboard/src/lib/limits.ts';
import { limits } from '../../gateway/lib/index.ts';
import { dayOf, momentOf, stampOf } from '../../dashboard/src/routes/(app)/admin/audit/days.ts';

const shape = { sorts: ['name', 'state'], filters: { state: ['active'], team: undefined } };
const read = (query: string) => readAddress(new URLSearchParams(query), shape);

t.test('what an address does not mean is as if it were not there', async (t) => {
  t.strictSame(read(''), { q: '', sort: undefined, page: 1, filters: {} });
  t.strictSame(read('q=+ann+&sort=-name&page=3&state=active&team=x'), {
    q: 'ann',
    sort: '-name',
    page: 3,
    filters: { state: 'active', team: 'x' },
  });
  for (const query of ['page=0', 'page=-2', 'page=x', 'sort=--name', 'sort=secret', 'state=gone', 'other=1']) {
    t.strictSame(read(query), { q: '', sort: undefined, page: 1, filters: {} }, query);
  }
  t.equal(read(`q=${'x'.repeat(500)}`).q.length, 200);
  t.equal(read('page=99999999').page, 100_000);
});

t.test('what is found anew begins at its first page', async (t) => {
  const address = read('q=a&sort=name&page=3&state=active');
  t.equal(addressAfter('/x', address, { page: 4 }), '/x?q=a&state=active&sort=name&page=4');
  t.equal(addressAfter('/x', address, { q: 'b' }), '/x?q=b&state=active&sort=name');
  t.equal(addressAfter('/x', address, { sort: undefined }), '/x?q=a&state=active');
  t.equal(addressAfter('/x', address, { filters: { state: undefined } }), '/x?q=a&sort=name');
});

t.test('a header sorts in its own direction first, then in the other', async (t) => {
  t.equal(nextSort(undefined, 'name'), 'name');
  t.equal(nextSort('name', 'name'), '-name');
  t.equal(nextSort('-name', 'name'), 'name');
  t.equal(nextSort('name', 'at', true), '-at');
  t.equal(nextSort('-at', 'at', true), 'at');
});

t.test('the pager shows the ends and what is near', async (t) => {
  t.strictSame(pagesAround(1, 1), [1]);
  t.strictSame(pagesAround(1, 11), [1, 2, 0, 11]);
  t.strictSame(pagesAround(5, 11), [1, 0, 4, 5, 6, 0, 11]);
  t.strictSame(pagesAround(3, 4), [1, 2, 3, 4]);
  t.strictSame(pagesAround(4, 5), [1, 2, 3, 4, 5], 'one page left out is no gap');
});

t.test('forms stop at what the gateway takes', async (t) => {
  t.strictSame(shown, limits);
});

t.test('days are those of the reader, both ends part of the range, and times say their zone', async (t) => {
  const from = momentOf('2026-11-29')!;
  t.equal(dayOf(from), '2026-11-29');
  const to = momentOf('2026-11-29', { isEnd: true })!;
  t.equal(dayOf(to, { isEnd: true }), '2026-11-29');
  t.ok(to - from >= 23 * 3_600_000 && to - from <= 25 * 3_600_000);
  for (const text of ['', 'yesterday', '2026-1-1', '1900-01-01x']) t.equal(momentOf(text), undefined, text);
  t.equal(dayOf(undefined), '');
  t.match(stampOf(from + 3_723_000), /^2026-11-29 01:02:03 [+-]\d\d:\d\d$/);
});
