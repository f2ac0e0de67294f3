import fc from 'fast-check';
import t from 'tap';
import { ownPath, urls, withQuery } from '../../dashboard/src/lib/urls.ts';

t.test('a query carries only what says something', async (t) => {
  t.equal(withQuery('/x', {}), '/x');
  t.equal(withQuery('/x', { a: '', b: undefined, c: 0, d: 'ä&b' }), '/x?c=0&d=%C3%A4%26b');
  t.equal(urls.users({ q: 'ann', state: undefined, page: 2 }), '/admin/users?q=ann&page=2');
  t.equal(urls.policies({ file: 'a b.cedar' }, 12), '/admin/policies?file=a+b.cedar#line-12');
});

t.test('sign-in is asked to come back to this site only', async (t) => {
  t.equal(urls.signIn('/admin/users?page=2'), '/login?next=%2Fadmin%2Fusers%3Fpage%3D2');
  const elsewhere = [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    '/\t/evil.example',
    '/a\\b',
    '',
    'x',
  ];
  for (const address of elsewhere) t.equal(ownPath(address), '/', JSON.stringify(address));
  for (const address of ['/admin/audit?actor=\\d+', '/admin/policies?as=a#line-3', '/x?to=//evil.example', '/#\\']) {
    t.equal(ownPath(address), address, 'what a browser keeps here stays as it is');
  }
});

t.test('whatever ownPath lets through, a browser keeps on the same origin', async () => {
  const origin = 'https://knot.example';
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('/', '\\', ':', '@', '.', '?', '#', 'a', '\t', '\n', ' ') }),
      (text) => {
        return new URL(ownPath(`/${text}`), origin).origin === origin;
      },
    ),
  );
});
