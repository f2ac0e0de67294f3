import t from 'tap';
import { isSameOrigin, otherPort } from '../../gateway/lib/index.ts';

const own = 'https://localhost:8443';

t.test('what names another origin is refused, what a program sends without naming one is not', async (t) => {
  const rows: [origin: string | undefined, site: string | string[] | undefined, isAllowed: boolean][] = [
    [own, 'same-origin', true],
    [own, 'none', true],
    [own, undefined, true],
    [undefined, 'same-origin', true],
    [undefined, 'none', true],
    [undefined, undefined, true],
    // `Referrer-Policy: no-referrer` makes Origin `null` for what the page itself sends.
    ['null', 'same-origin', true],
    ['null', 'none', true],
    ['null', 'cross-site', false],
    ['null', 'same-site', false],
    ['null', undefined, false],
    // Behind a tunnel with another port the two disagree, and the browser is the one that knows.
    ['https://localhost:9999', 'same-origin', true],
    ['https://evil.example', undefined, false],
    ['', undefined, false],
    ['https://echo.localhost:8443', 'same-site', false],
    [own, 'same-site', false],
    [own, 'cross-site', false],
    [undefined, 'cross-site', false],
    [undefined, 'same-site', false],
    [undefined, 'something-new', false],
    [own, '', false],
    [own, 'Same-Origin', false],
    [own, 'same-origin, same-origin', false],
    [own, 'same-origin;a', false],
    [own, ['same-origin', 'cross-site'], false],
    [own, ['same-origin', 'same-origin'], false],
    ['http://localhost:8443', undefined, false],
    ['https://localhost', undefined, false],
    ['https://localhost:8443/', undefined, false],
    ['https://localhost:8443.evil.example', undefined, false],
  ];
  for (const [origin, secFetchSite, isAllowed] of rows) {
    t.equal(isSameOrigin({ origin, secFetchSite }, own), isAllowed, `${origin} ${JSON.stringify(secFetchSite)}`);
  }
});

t.test('a listed origin is let in whatever the browser calls the relation, and no other', async (t) => {
  const listed = ['https://spa.localhost:8443'];
  const rows: [origin: string | undefined, site: string | undefined, isAllowed: boolean][] = [
    ['https://spa.localhost:8443', 'same-site', true],
    ['https://spa.localhost:8443', 'cross-site', true],
    ['https://spa.localhost:8443', undefined, true],
    ['https://spa.localhost', 'same-site', false],
    ['http://spa.localhost:8443', undefined, false],
    ['null', 'same-site', false],
    [undefined, 'same-site', false],
    [own, 'same-origin', true],
  ];
  for (const [origin, secFetchSite, isAllowed] of rows) {
    t.equal(isSameOrigin({ origin, secFetchSite }, own, listed), isAllowed, `${origin} ${secFetchSite}`);
  }
});

t.test('the same host on another port is named, with the address that is expected; another site is not', async (t) => {
  for (const opened of ['https://localhost:9443', 'https://localhost', 'http://localhost:8443', 'http://localhost']) {
    const told = otherPort(opened, own);
    t.match(told?.message, opened);
    t.match(told?.message, own);
    t.match(told?.remedy, `Open ${own}`);
  }
  for (const other of [
    undefined,
    '',
    'null',
    own,
    'https://evil.example:8443',
    'https://echo.localhost:9443',
    'https://localhost.evil.example',
    'https://localhost@evil.example',
  ]) {
    t.equal(otherPort(other, own), undefined, other ?? 'none');
  }
  t.equal(otherPort('https://localhost:443', 'https://localhost'), undefined, 'a default port is none');
});
