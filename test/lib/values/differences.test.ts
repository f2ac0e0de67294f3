import t from 'tap';
import { differences, isSecretAt, masked } from '../../../gateway/lib/index.ts';

t.test('what differs is told by place, lists as one thing', async (t) => {
  t.strictSame(
    differences(
      { a: 1, b: { c: 'x', d: [1, 2], 'e/f': true }, gone: null },
      { a: 1, b: { c: 'y', d: [1, 3], 'e/f': true }, fresh: {} },
    ),
    [
      { path: '/b/c', before: 'x', after: 'y' },
      { path: '/b/d', before: [1, 2], after: [1, 3] },
      { path: '/gone', before: null },
      { path: '/fresh', after: {} },
    ],
  );
  t.strictSame(differences({ a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }), []);
});

t.test('what is secret is named and not shown, however the schema says it', async (t) => {
  const secret = { type: 'string', 'x-knot': { secret: true } };
  const schema = {
    properties: {
      password: secret,
      shown: { type: 'string' },
      keys: { type: 'array', items: secret },
      db: { $ref: '#/$defs/db' },
      all: { 'x-knot': { secret: true }, properties: { a: {} } },
      any: { additionalProperties: secret },
    },
    allOf: [{ if: {}, then: { properties: { later: secret } } }],
    $defs: { db: { properties: { pass: secret, host: {} } } },
  };
  const paths = ['/password', '/keys', '/db/pass', '/db', '/all/a', '/any', '/any/x', '/later'];
  for (const path of paths)
    t.strictSame(masked([{ path, before: 'a', after: 'b' }], schema), [{ path, isSecret: true }], path);
  for (const path of ['/shown', '/db/host', '/other'])
    t.strictSame(masked([{ path, after: 'b' }], schema), [{ path, after: 'b' }], path);
  for (const path of ['/keys/0', '/db/pass/x']) t.ok(isSecretAt(schema, path), path);
  t.strictSame(masked([{ path: '/password', after: 'b' }], {}, schema), [{ path: '/password', isSecret: true }]);
});
