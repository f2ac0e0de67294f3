import t from 'tap';
import { isSameOrigin } from '../../gateway/lib/index.ts';

const own = 'https://localhost:8443';

t.test('what names another origin is refused, what a program sends without naming one is not', async (t) => {
  const rows: [origin: string | undefined, site: string | undefined, isAllowed: boolean][] = [
    [own, 'same-origin', true],
    [own, undefined, true],
    [undefined, 'same-origin', true],
    [undefined, 'none', true],
    [undefined, undefined, true],
    ['https://evil.example', undefined, false],
    ['https://evil.example', 'same-origin', false],
    ['null', undefined, false],
    ['', undefined, false],
    ['https://echo.localhost:8443', 'same-site', false],
    [own, 'same-site', false],
    [own, 'cross-site', false],
    [undefined, 'cross-site', false],
    [undefined, 'same-site', false],
    [undefined, 'something-new', false],
    ['http://localhost:8443', undefined, false],
    ['https://localhost', undefined, false],
    ['https://localhost:8443/', undefined, false],
    ['https://localhost:8443.evil.example', undefined, false],
  ];
  for (const [origin, secFetchSite, isAllowed] of rows) {
    t.equal(isSameOrigin({ origin, secFetchSite }, own), isAllowed, `${origin} ${secFetchSite}`);
  }
});
