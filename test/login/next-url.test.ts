import fc from 'fast-check';
import t from 'tap';
import { publicAddress } from '../../gateway/config/index.ts';
import { readTarget, refusedOddity, type TargetFacts } from '../../gateway/lib/index.ts';
import { safeNext } from '../../gateway/login/index.ts';
import { parseServiceAddress } from '../../gateway/login/next-url.ts';
import { anyCharacter } from '../support/any-character.ts';

const address = publicAddress({ domain: 'example.com' }, 8443);
const known = new Set(['hub.example.com', 'echo.example.com']);
const rules = { publicAddress: address, isRouteHost: (host: string) => known.has(host) };
const own = 'https://example.com:8443';

t.test('our own paths and addresses of known hosts are kept byte for byte', async (t) => {
  for (const next of [
    '/',
    '/services',
    '/services?state=ready&page=2',
    '/policies#rule-3',
    '/login/handoff?to=https%3A%2F%2Fhub.example.com%3A8443%2Fhub%2F%3Fa%3D1&binding=x',
    '/oidc/interaction/abc_-123',
    '/files/My%20notes.txt',
    '/search?q=a%2Fb%5Cc%00',
    '/services?to=\\d+&q="<\'>{}|^`',
    '/files/100%25.txt',
    '/%09/evil.test',
    '/%255cevil.test',
    '/files/%0a',
    `/${'a'.repeat(30_000)}`,
    'https://hub.example.com:8443/s?q=\\d+&to=\\\\evil.test',
    `https://hub.example.com:8443/explore?left=${'%7B%22a%22'.repeat(3000)}`,
    'https://hub.example.com:8443/a//b;c/%2F',
    'https://hub.example.com:8443/',
    'https://hub.example.com:8443/hub/user-redirect/lab/tree/x.ipynb?y=1',
    'https://hub.example.com:8443/user/ann/lab/tree/a%2Fb%20c.ipynb?y=1#cell-2',
    'https://hub.example.com:8443/?next=//evil.test',
  ]) {
    t.equal(safeNext(next, rules), next);
  }
  t.equal(safeNext(own, rules), '/');
  t.equal(safeNext(`${own}/services?x=1`, rules), '/services?x=1');
  t.equal(safeNext('https://hub.example.com:8443', rules), 'https://hub.example.com:8443/');
  t.equal(safeNext('https://hub.example.com:8443?a=1', rules), 'https://hub.example.com:8443/?a=1');
});

const refused: readonly (string | undefined)[] = [
  '',
  ' ',
  'services',
  './services',
  '../services',
  '?next=/',
  '#top',
  // other hosts
  'https://evil.test',
  'https://evil.test:8443/',
  'http://evil.test/',
  '//evil.test',
  '//evil.test/',
  '///evil.test//',
  '////evil.test',
  '/\\evil.test',
  '\\\\evil.test',
  '/\\/evil.test',
  '\\/evil.test',
  '/%5cevil.test',
  '/%5Cevil.test',
  '/%2fevil.test',
  '/%2F%2Fevil.test',
  '/%00/evil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r\n/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '/ /evil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/a/..//evil.test',
  '/a/../services',
  '/./services',
  '/%2e%2e//evil.test',
  '/%2e/services',
  // odd schemes
  'https:evil.test',
  'https:/evil.test',
  'https:///evil.test',
  'https:\\\\evil.test',
  'https:hub.example.com:8443/',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\rscript:alert(1)',
  'java%0dscript:alert(1)',
  'data:text/html,x',
  'ftp://hub.example.com:8443/',
  'http://hub.example.com:8443/',
  'HTTPS://hub.example.com:8443/',
  'wss://hub.example.com:8443/',
  // nearly our hosts (R2)
  'https://badexample.com:8443/',
  'https://example.com.evil.test:8443/',
  'https://hub.example.com.evil.test:8443/',
  'https://hubaexample.com:8443/',
  'https://xhub.example.com:8443/',
  'https://unknown.example.com:8443/',
  'https://a.hub.example.com:8443/',
  'https://HUB.example.com:8443/',
  'https://hub.example.com./',
  'https://hub.example.com.:8443/',
  'https://hub.example.com/',
  'https://hub.example.com:443/',
  'https://hub.example.com:8444/',
  'https://hub.example.com:08443/',
  'https://hub.example.com:8443:8443/',
  'https://example.com/',
  'https://echo.example.com:8443/a/../b',
  'https://echo.example.com:8443//evil.test/',
  'https://echo.example.com:8443/a\\b',
  'https://example.com:8443//evil.test',
  'https://example.com:8443/\\evil.test',
  'https://example.com:8443/%5cevil.test',
  // userinfo (R3)
  'https://hub.example.com:8443@evil.test/',
  'https://ann@hub.example.com:8443/',
  'https://ann:x@hub.example.com:8443/',
  'https://hub.example.com%40evil.test:8443/',
  'https://evil.test#@hub.example.com:8443/',
  'https://evil.test?@hub.example.com:8443/',
  'https://evil.test\\@hub.example.com:8443/',
  '//hub.example.com@evil.test/%2f..',
  // encodings of a host
  'https://hub%2eexample.com:8443/',
  'https://evil.test%00.example.com:8443/',
  '//evil.test%00.example.com',
  'https://hub\u3002example\uff0ecom:8443/',
  'https://hub.example.com\uff0fevil.test:8443/',
  '/\u2215evil.test',
  '\u2044\u2044evil.test',
  'https://xn--hub-example:8443/',
  'http://[::216.58.214.206]/',
  'https://[::1]:8443/',
  'https://127.0.0.1:8443/',
  'https://2130706433:8443/',
  'https://hub.example.com:8443\n.evil.test/',
  'https://hub.example.com:8443/\u0000',
];

t.test(`everything else leads nowhere (R1, R2, R3: ${refused.length} inputs)`, async (t) => {
  t.ok(refused.length >= 60);
  for (const next of refused) t.equal(safeNext(next, rules), undefined, JSON.stringify(next)?.slice(0, 80));
  t.equal(safeNext(undefined, rules), undefined);
});

t.test('pages that would only send back lead home', async (t) => {
  for (const next of ['/login', '/login?next=/', '/logout', '/signup', `${own}/login`, `${own}/logout?x`]) {
    t.equal(safeNext(next, rules), '/', next);
  }
});

t.test('whatever the edge takes is kept byte for byte', async () => {
  const byte = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
  const piece = fc.oneof(
    byte,
    fc.constantFrom('%7B', '%25', '%0a', '%c3%a9', '\\', '?', '&', '//', "'", '"', '`', '^', '{'),
  );
  const target = fc.array(piece, { size: 'large', maxLength: 3000 }).map((pieces) => `/${pieces.join('')}`);
  const ofMain = (facts: TargetFacts) => refusedOddity(facts.oddities, { encodedSlash: false }) === undefined;
  fc.assert(
    fc.property(target, (path) => {
      const facts = readTarget(path);
      if (typeof facts === 'string') return;
      const address = `https://hub.example.com:8443${path}`;
      if (safeNext(address, rules) !== address) throw new Error(address);
      if (ofMain(facts) && safeNext(path, rules) !== path) throw new Error(path);
    }),
    { numRuns: 2000 },
  );
});

t.test('wherever a browser ends up, it is one of our origins', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '\\',
      '//',
      '.',
      '..',
      '%2f',
      '%5c',
      '%09',
      '@',
      ':',
      '#',
      '?',
      'https:',
      'https://',
      '\t',
      '\u3002',
    ),
    fc.constantFrom('evil.test', 'hub.example.com', 'hub.example.com:8443', 'example.com:8443', ':8443', 'a'),
    fc.string({ unit: anyCharacter, maxLength: 3 }),
  );
  const ours = new Set([own, 'https://hub.example.com:8443', 'https://echo.example.com:8443']);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const next = safeNext(pieces.join(''), rules) ?? '/';
      return ours.has(new URL(next, `${own}/login`).origin) && !/[^\x21-\x7e]/.test(next);
    }),
    { numRuns: 5000 },
  );
});

t.test('an address to hand off to keeps its path and never begins with two slashes', async (t) => {
  for (const [to, parsed] of [
    ['https://hub.example.com:8443/a%2Fb?x=%00#y', { host: 'hub.example.com', target: '/a%2Fb?x=%00#y' }],
    ['https://new.example.com:8443', { host: 'new.example.com', target: '/' }],
    ['https://hub.example.com:8443//evil.test/', undefined],
    ['https://hub.example.com:8443/\\evil.test/', undefined],
    ['https://hub.example.com/', undefined],
    ['http://hub.example.com:8443/', undefined],
    ['https://ann@hub.example.com:8443/', undefined],
    ['/hub', undefined],
    ['', undefined],
  ] as const) {
    t.strictSame(parseServiceAddress(to, address), parsed, to);
  }
});
