import t from 'tap';
import { definitionAt, namesIn, namesInPath, pointerOf, valueAt, valueAtPath } from '../../../gateway/lib/index.ts';

t.test('a pointer names a place as RFC 6901 section 5 says', async (t) => {
  const data = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'm~n': 8, '~1': 9 };
  for (const [pointer, names, value] of [
    ['', [], data],
    ['/foo', ['foo'], ['bar', 'baz']],
    ['/foo/0', ['foo', '0'], 'bar'],
    ['/', [''], 0],
    ['/a~1b', ['a/b'], 1],
    ['/c%d', ['c%d'], 2],
    ['/m~0n', ['m~n'], 8],
    ['/~01', ['~1'], 9],
  ] as const) {
    t.strictSame(namesIn(pointer), names);
    t.equal(pointerOf(names), pointer);
    t.strictSame(valueAt(data, pointer), value, pointer);
    t.strictSame(valueAt(data, names), value, pointer);
  }
  for (const pointer of ['/constructor', '/foo/2', '/foo/0/length', '/a/b', '/__proto__/x'])
    t.equal(valueAt(data, pointer), undefined, pointer);
});

t.test('a path of a template leads through sections only', async (t) => {
  const values = { a: { 'b-c': 1 }, list: ['x'] };
  t.strictSame(namesInPath('values.a.b-c'), ['a', 'b-c']);
  t.equal(valueAtPath(values, 'values.a.b-c'), 1);
  t.strictSame(valueAtPath(values, 'values.list'), ['x']);
  for (const path of ['values.list.0', 'values.list.length', 'values.b', 'values.constructor.name'])
    t.equal(valueAtPath(values, path), undefined, path);
});

t.test('a reference leads to a definition of its own file, and nowhere else', async (t) => {
  const root = { $defs: { 'a/b': { type: 'string' } }, definitions: { old: true }, properties: { a: {} } };
  t.strictSame(definitionAt(root, '#/$defs/a~1b'), { type: 'string' });
  t.equal(definitionAt(root, '#/definitions/old'), true);
  for (const reference of [
    '#/properties/a',
    '#',
    'https://example.org/#/$defs/a',
    '#/$defs/none',
    '#/$defs/constructor',
    7,
  ])
    t.equal(definitionAt(root, reference), undefined, String(reference));
});
