import fc from 'fast-check';
import t from 'tap';
import { coversHost, type HostPattern, readDestinationHost, readHostPattern } from '../../gateway/lib/index.ts';

const read = (...texts: string[]): HostPattern[] => texts.map((text) => readHostPattern(text)!);

t.test('what a pattern of hosts covers', async (t) => {
  for (const [pattern, host, port, isCovered] of [
    ['pypi.org', 'pypi.org', 443, true],
    ['pypi.org', 'pypi.org', 80, true],
    ['pypi.org', 'pypi.org', 22, false],
    ['pypi.org', 'files.pypi.org', 443, false],
    ['pypi.org', 'pypi.org.example.org', 443, false],
    ['pypi.org', 'notpypi.org', 443, false],
    ['*.pypi.org', 'files.pypi.org', 443, true],
    ['*.pypi.org', 'a.b.pypi.org', 443, true],
    ['*.pypi.org', 'pypi.org', 443, false],
    ['*.pypi.org', 'notpypi.org', 443, false],
    ['db.example.org:5432', 'db.example.org', 5432, true],
    ['db.example.org:5432', 'db.example.org', 443, false],
    ['*', 'anything.example', 443, true],
    ['*', 'anything.example', 22, false],
    ['*:22', 'anything.example', 22, true],
    ['*', '203.0.113.9', 443, false],
    ['*', '2606:4700::1111', 443, false],
    ['1.1.1.1', '1.1.1.1', 443, true],
    ['[2606:4700::1111]', '2606:4700::1111', 443, true],
    ['PyPI.org', 'pypi.org', 443, true],
  ] as const)
    t.equal(coversHost(read(pattern), host, port), isCovered, `${pattern} ${host}:${port}`);
  t.notOk(coversHost([], 'pypi.org', 443));
});

t.test('what is no pattern is none', async (t) => {
  for (const text of [
    ...[
      '',
      '*.',
      '*.*',
      'a..b',
      '.a',
      'http://pypi.org',
      'pypi.org/simple',
      'pypi.org:0',
      'pypi.org:65536',
      'pypi.org:443:443',
    ],
    ...[
      'a b',
      'user@pypi.org',
      '[::1',
      '::1',
      '*.10.0.0.1',
      '10.0.0.256',
      '0x7f.1',
      '2130706433',
      'ex*mple.org',
      `${'a'.repeat(64)}.org`,
    ],
  ])
    t.equal(readHostPattern(text), undefined, JSON.stringify(text));
});

t.test('a host has one spelling, and what only a resolver reads as an address is none', async (t) => {
  for (const [text, host] of [
    ['PyPI.org', 'pypi.org'],
    ['pypi.org.', 'pypi.org'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['FE80::1', 'fe80::1'],
    ['127.1', undefined],
    ['0x7f000001', undefined],
    ['0177.0.0.1', undefined],
    ['10.0.0.1.', '10.0.0.1'],
    ['a.0x1', undefined],
    ['bücher.example', undefined],
    ['a\u0000.org', undefined],
    ['a%2eorg', undefined],
  ] as const)
    t.equal(readDestinationHost(text), host, JSON.stringify(text));
});

t.test(
  'whatever is asked for, a name is covered by itself and by what it lies below, and by nothing else',
  async () => {
    const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/);
    const name = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(name, name, (one, other) => {
        const isBelow = other.endsWith(`.${one}`);
        return (
          coversHost(read(one), other, 443) === (one === other) &&
          coversHost(read(`*.${one}`), other, 443) === isBelow &&
          coversHost(read('*'), other, 443)
        );
      }),
    );
  },
);
