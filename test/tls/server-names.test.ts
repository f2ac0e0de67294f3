import fc from 'fast-check';
import t from 'tap';
import { readServerName } from '../../gateway/tls/server-names.ts';

t.test('DOMAIN, APPSDOMAIN and one label below them are ours, nothing else', async (t) => {
  const rows: [string, string, string][] = [
    ['knot.test', 'knot.test', 'domain'],
    ['KNOT.Test', 'knot.test', 'domain'],
    ['hub.knot.test', 'knot.test', 'below'],
    ['my-app-ann.knot.test', 'knot.test', 'below'],
    ['a.b.knot.test', 'knot.test', 'foreign'],
    ['.knot.test', 'knot.test', 'foreign'],
    ['*.knot.test', 'knot.test', 'foreign'],
    ['a_b.knot.test', 'knot.test', 'foreign'],
    ['-a.knot.test', 'knot.test', 'foreign'],
    ['knot.test.', 'knot.test', 'foreign'],
    ['evilknot.test', 'knot.test', 'foreign'],
    ['knot.test.evil', 'knot.test', 'foreign'],
    ['test', 'knot.test', 'foreign'],
    ['', 'knot.test', 'none'],
    ['10.0.0.1', 'knot.test', 'none'],
    ['::1', 'knot.test', 'none'],
  ];
  for (const [name, domain, kind] of rows) t.equal(readServerName(name, { domain }).kind, kind, name);
  const names = { domain: 'knot.test', appsDomain: 'apps.example' };
  for (const [name, domain, kind] of rows) t.equal(readServerName(name, { ...names, domain }).kind, kind, name);
  t.strictSame(readServerName('Web-Ann.apps.example', names), {
    kind: 'below',
    host: 'web-ann.apps.example',
    domain: 'apps.example',
  });
  t.match(readServerName('apps.example', names), { kind: 'domain' });
  for (const foreign of ['a.b.apps.example', 'evilapps.example', 'apps.example.evil', 'a.example', 'example'])
    t.equal(readServerName(foreign, names).kind, 'foreign', foreign);
});

t.test(
  'property: whatever is asked for, an accepted name is exactly one plain label below DOMAIN or APPSDOMAIN',
  async () => {
    const label = fc.string({
      unit: fc.constantFrom('a', 'Z', '9', '-', '.', '_', '\0', 'é', '*', 'K'),
      maxLength: 70,
    });
    fc.assert(
      fc.property(
        fc.oneof(label, fc.string()),
        fc.constantFrom('.knot.test', 'knot.test', '.apps.example', 'apps.example', ''),
        (head, tail) => {
          const name = readServerName(head + tail, { domain: 'knot.test', appsDomain: 'apps.example' });
          return (
            name.kind !== 'below' ||
            /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.(?:knot\.test|apps\.example)$/.test(name.host)
          );
        },
      ),
      { numRuns: 2000 },
    );
  },
);
