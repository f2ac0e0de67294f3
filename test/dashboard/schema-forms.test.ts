import fc from 'fast-check';
import t from 'tap';
import { placeWords, valueWords } from '../../dashboard/src/lib/forms/change/words.ts';
import { textToKeep, valuesKept } from '../../dashboard/src/lib/forms/kept-values.ts';
import { freeName } from '../../dashboard/src/lib/forms/launch/names.ts';
import { allObstacles, valueProblems, wordsAt } from '../../dashboard/src/lib/forms/launch/obstacles.ts';
import { sectionsOf } from '../../dashboard/src/lib/forms/sections.ts';
import { alternativeOf, pickedNow } from '../../dashboard/src/lib/forms/alternatives.ts';
import { emptied } from '../../dashboard/src/lib/forms/controls.ts';
import { setAt } from '../../dashboard/src/lib/forms/pointer.ts';
import { resolve } from '../../dashboard/src/lib/forms/resolve.ts';
import { activeValues, secretsIn, settle } from '../../dashboard/src/lib/forms/settle.ts';
import { readValuesSchema } from '../../gateway/catalogue/values-schema.ts';
import {
  checkValues,
  differences,
  type JsonObject,
  type JsonSchema,
  type JsonValue,
  masked,
  withDefaults,
} from '../../gateway/lib/index.ts';

const secret = { type: 'string', 'x-knot': { secret: true } };

/** The deciding field has three branches, two of which have a field of one name. */
const branched = {
  type: 'object',
  properties: {
    kind: { enum: ['one', 'many', 'no'], default: 'no' },
    other: { type: 'string' },
  },
  allOf: [
    {
      if: { properties: { kind: { const: 'one' } }, required: ['kind'] },
      then: { properties: { name: { type: 'string', default: 'first' } } },
    },
    {
      if: { properties: { kind: { const: 'many' } }, required: ['kind'] },
      then: { properties: { name: { type: 'string' }, count: { type: 'integer', default: 2 } } },
    },
  ],
};

const fieldsOf = (schema: object, values: JsonObject): string[] =>
  Object.keys(resolve(schema as never, values).schema['properties'] ?? {});

const settled = (schema: JsonSchema, defaults: JsonObject, before: JsonObject, after: JsonObject): JsonObject =>
  settle(schema, defaults, resolve(schema, before), after).values;

t.test('the fields are those of the branch that is in force', async (t) => {
  t.strictSame(fieldsOf(branched, { kind: 'no' }), ['kind', 'other']);
  t.strictSame(fieldsOf(branched, { kind: 'one' }), ['kind', 'other', 'name']);
  t.strictSame(fieldsOf(branched, { kind: 'many' }), ['kind', 'other', 'name', 'count']);
});

t.test('values of a branch that was left do not come back and are not sent', async (t) => {
  const change = (before: JsonObject, more: JsonObject) =>
    settled(branched, { kind: 'no' }, before, { ...before, ...more });
  let values: JsonObject = { kind: 'no', other: 'x' };
  values = change(values, { kind: 'one' });
  t.strictSame(values, { kind: 'one', other: 'x', name: 'first' });
  values = change(values, { name: 'typed' });
  t.strictSame(values, { kind: 'one', other: 'x', name: 'typed' });
  const straight = change(values, { kind: 'many' });
  t.strictSame(straight, { kind: 'many', other: 'x', count: 2 }, 'a field of the same name is another field');
  values = change(values, { kind: 'no' });
  t.strictSame(values, { kind: 'no', other: 'x' });
  values = change(values, { kind: 'many' });
  t.strictSame(values, { kind: 'many', other: 'x', count: 2 });
  // What YAML holds beyond the form is kept, what belongs to another branch is not sent.
  const typed = { kind: 'no', name: 'left', strange: { a: 1 } };
  t.strictSame(activeValues(branched as never, typed), { kind: 'no', strange: { a: 1 } });
});

t.test('a field is visible by the value of another one', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      mode: { enum: ['plain', 'secret'] },
      words: { type: 'string', 'x-knot': { visibleIf: { mode: ['secret'] } } },
      hidden: { type: 'string', 'x-knot': { hidden: true } },
    },
  };
  t.strictSame(fieldsOf(schema, { mode: 'plain' }), ['mode']);
  t.strictSame(fieldsOf(schema, { mode: 'secret' }), ['mode', 'words']);
  t.strictSame(settled(schema as never, {}, { mode: 'secret', words: 'x' }, { mode: 'plain', words: 'x' }), {
    mode: 'plain',
  });
  t.strictSame(activeValues(schema as never, { mode: 'plain', words: 'x', hidden: 'y' }), {
    mode: 'plain',
    hidden: 'y',
  });
});

t.test('which form a value has is decided by the whole of each, whatever words decide it', async (t) => {
  const formsOf = (schema: JsonSchema, value: JsonValue): JsonSchema[] => {
    const { properties } = resolve(schema, { which: value }).schema as { properties: { which: JsonSchema } };
    return properties.which['oneOf'] as JsonSchema[];
  };
  const among = (...oneOf: JsonSchema[]): JsonSchema => ({
    $defs: { port: { type: 'integer', minimum: 1024 } },
    properties: { which: { oneOf } },
  });
  const shown = (schema: JsonSchema, value: JsonValue) => alternativeOf(formsOf(schema, value), value);
  const texts = among({ type: 'string', pattern: '^a' }, { type: 'string', pattern: '^b' });
  t.equal(shown(texts, 'b1'), 1);
  t.equal(shown(texts, 'c'), -1);
  t.equal(shown(among({ type: 'string', not: { const: 'x' } }, { type: 'string' }), 'x'), 1);
  const conditional = { if: { required: ['tls'] }, then: { required: ['key'] } };
  t.equal(shown(among({ type: 'object', ...conditional }, { type: 'object' }), { tls: true }), 1);
  t.equal(shown(among({ allOf: [{ required: ['key'] }] }, { type: 'object' }), {}), 1);
  // The parts of a form that are no fields refer to definitions as well.
  const ports = { type: 'object', additionalProperties: { $ref: '#/$defs/port' } };
  t.equal(shown(among(ports, { type: 'object' }), { http: 80 }), 1);
  t.equal(shown(among(ports, { type: 'object' }), { http: 8080 }), 0);
});

t.test('nothing in the fields of a form refers to a definition, which the form library would not find', async (t) => {
  const schema: JsonSchema = {
    $defs: { port: { type: 'integer', title: 'Port' } },
    properties: { ports: { type: 'object', additionalProperties: { $ref: '#/$defs/port' } } },
  };
  t.strictSame(resolve(schema, {}).schema['properties'], {
    ports: { type: 'object', additionalProperties: { type: 'integer', title: 'Port' } },
  });
});

t.test('a form that was picked stays while it is filled in; a value from elsewhere shows its own', async (t) => {
  const forms: JsonSchema[] = [
    { type: 'object', properties: { name: { type: 'string' } } },
    { type: 'object', required: ['number'], properties: { number: { type: 'integer' } } },
    { type: 'string' },
  ];
  const now = (value: JsonValue | undefined, picked: number, isFromElsewhere: boolean) =>
    pickedNow(forms, { value, picked, isFromElsewhere });
  t.equal(now({}, 1, false), 1, 'it does not fit yet');
  t.equal(now('text', 1, true), 2);
  t.equal(now({ number: 1 }, 1, true), 1, 'what fits stays, though another fits too');
  t.equal(now(7, 1, true), 1, 'nothing fits: it is told at the one that was picked');
  t.equal(now({ name: 'x' }, -1, false), 0);
  t.equal(now(undefined, 1, true), -1);
});

t.test('a field that is emptied holds nothing where that may be said, else no value', async (t) => {
  for (const schema of [{}, { type: 'null' }, { type: ['object', 'null'] }]) t.equal(emptied(schema), null);
  for (const schema of [{ type: 'object' }, { type: ['array', 'object'] }, { type: 'integer' }])
    t.equal(emptied(schema), undefined);
});

t.test('what stands in the way of a place is not replaced', async (t) => {
  const set = (data: JsonObject, pointer: string) => {
    setAt(data, pointer, 'set');
    return data;
  };
  t.strictSame(set({ a: 'text' }, '/a/b'), { a: 'text' });
  t.strictSame(set({ a: 0 }, '/a/b/c'), { a: 0 });
  t.strictSame(set({ a: null }, '/a/b'), { a: null });
  t.strictSame(set({}, '/a/b'), { a: { b: 'set' } });
  t.strictSame(set({ a: ['x'] }, '/a/0'), { a: ['set'] });
});

t.test('order, words and depth are bounded, whoever wrote the schema', async (t) => {
  const wide = Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`f${n}`, { type: 'string' }]));
  t.equal(fieldsOf({ type: 'object', properties: wide }, {}).length, 500);
  const { schema } = resolve({ properties: { a: { title: 'x'.repeat(1e6), description: '<b>'.repeat(1e6) } } }, {});
  const { title, description } = (schema['properties'] as { a: { title: string; description: string } }).a;
  t.ok(title.length <= 120 && description.length <= 600);
  const deep = Array.from({ length: 15 }).reduce<object>((inner) => ({ properties: { a: inner } }), {});
  t.ok(JSON.stringify(resolve(deep as never, {}).schema).length < 1000);
  const order = { properties: { a: {}, b: { 'x-knot': { order: 2 } }, c: { 'x-knot': { order: 1 } }, d: {} } };
  t.strictSame(fieldsOf(order, {}), ['c', 'b', 'a', 'd']);
  t.strictSame(secretsIn({ properties: { a: { properties: { b: { 'x-knot': { secret: true } } } } } }), ['/a/b']);
});

t.test('a form that says nothing is wrong is one that the gateway takes, and the other way round', async () => {
  // Both are one function: what could differ is what the form makes of values before it sends them.
  const schema = {
    ...branched,
    additionalProperties: true,
    required: ['kind'],
    properties: {
      ...branched.properties,
      size: { type: 'integer', minimum: 1, maximum: 9 },
      folder: { type: 'string', pattern: '^/files/[a-z]+$' },
      list: { type: 'array', items: { type: 'integer' }, maxItems: 3 },
    },
  };
  const read = readValuesSchema(JSON.stringify(schema), [])!;
  const any = fc.record(
    {
      kind: fc.constantFrom('one', 'many', 'no', 'other'),
      name: fc.oneof(fc.string(), fc.integer()),
      count: fc.oneof(fc.integer(), fc.string()),
      size: fc.oneof(fc.integer({ min: -2, max: 12 }), fc.constant(null)),
      folder: fc.constantFrom('/files/a', '/etc', ''),
      list: fc.array(fc.oneof(fc.integer(), fc.string()), { maxLength: 5 }),
    },
    { requiredKeys: [] },
  );
  const defaults = { kind: 'no', size: 3 };
  fc.assert(
    fc.property(any, (given) => {
      const sent = JSON.parse(JSON.stringify(activeValues(read, given))) as JsonObject;
      const inBrowser = checkValues(schema, withDefaults(defaults, sent)).map(({ pointer }) => pointer);
      const onServer = checkValues(read, withDefaults(defaults, sent)).map(({ pointer }) => pointer);
      if (inBrowser.join() !== onServer.join()) throw new Error(`${inBrowser.join()} or ${onServer.join()}`);
      // Nothing that was typed into a branch which is not in force makes it refused.
      const fields = fieldsOf(schema, sent);
      for (const pointer of onServer) {
        const field = pointer.split('/')[1];
        if (field !== undefined && !fields.includes(field)) throw new Error(`${pointer} has no field`);
      }
    }),
    { numRuns: 300 },
  );
});

t.test('what differs is told place by place, and secrets only that they do', async (t) => {
  const before = { a: 1, b: { c: [1], d: 'x' }, s: 'old', p: { q: 'old' } };
  const after = { a: 1, b: { c: [1, 2], e: null }, s: 'new', p: { q: 'new' } };
  const schema = { properties: { s: secret, p: { properties: { q: secret } } } };
  const found = masked(differences(before, after), schema);
  t.strictSame(found, [
    { path: '/b/c', before: [1], after: [1, 2] },
    { path: '/b/d', before: 'x' },
    { path: '/b/e', after: null },
    { path: '/s', isSecret: true },
    { path: '/p/q', isSecret: true },
  ]);
  t.notMatch(JSON.stringify(masked(differences({}, after), schema)), /new/, 'nor when the whole section is new');
  t.strictSame(differences(before, structuredClone(before)), []);
  t.strictSame([placeWords('/b/c~1d'), valueWords([1]), valueWords('')], ['b.c/d', '[1]', '(empty)']);
});

t.test('no secret is kept in the browser, however the schema says that it is one', async (t) => {
  const schema: JsonSchema = {
    $defs: { account: { properties: { name: {}, token: secret } } },
    properties: {
      plain: {},
      password: secret,
      map: { additionalProperties: secret },
      list: { type: 'array', items: secret },
      accounts: { type: 'array', items: { $ref: '#/$defs/account' } },
      all: { 'x-knot': { secret: true } },
    },
    dependentSchemas: { plain: { properties: { key: secret } } },
    if: {},
    then: { properties: { later: { oneOf: [{ properties: { pin: secret } }, {}] } } },
  };
  const begun = {
    plain: 'seen',
    password: 'hidden',
    map: { a: 'hidden' },
    list: ['hidden'],
    accounts: [
      { name: 'one', token: 'hidden-1' },
      { name: 'two', token: 'hidden-2' },
    ],
    all: { it: { is: ['hidden'] } },
    key: 'hidden',
    later: { pin: 'hidden', seen: null },
  };
  const text = textToKeep(schema, begun);
  t.notMatch(text, /hidden/);
  t.match(JSON.parse(text), { plain: 'seen', accounts: [{ name: 'one' }, { name: 'two' }], later: { seen: null } });
  t.strictSame(valuesKept(schema, text, begun), begun, 'it comes back with those it begun with');

  const { accounts, ...others } = begun;
  const changed = { ...others, plain: 'typed', more: [1], accounts: [accounts[1]!] };
  const back = valuesKept(schema, textToKeep(schema, changed), begun);
  t.strictSame(back, { ...changed, accounts: [{ name: 'two' }] }, 'nothing gets a secret that may be another one’s');
  t.strictSame(valuesKept(schema, '[', begun), begun);
  t.strictSame(valuesKept(schema, '[]', begun), begun);
});

t.test('each obstacle is said once, with its remedy, where it belongs', async (t) => {
  const told = [
    { field: 'name', message: 'Taken.', remedy: 'Choose another name.' },
    { field: 'values/folder', message: 'Not there.', remedy: 'Make it.' },
    { field: 'values/size', message: 'Too large.' },
  ];
  const problems = valueProblems([{ pointer: '/folder', message: 'Must be text.' }], told);
  t.strictSame(problems, [
    { pointer: '/folder', message: 'Must be text.' },
    { pointer: '/size', message: 'Too large.' },
  ]);
  t.strictSame(allObstacles(problems, told), [
    told[0],
    { field: 'values/folder', message: 'Must be text.', remedy: 'Make it.' },
    told[2],
  ]);
  t.equal(wordsAt('name', told), 'Taken. Choose another name.');
  t.equal(wordsAt('owner', told), undefined);
});

t.test('a free name is proposed, short enough for an address', async (t) => {
  t.equal(freeName('web', ['other']), 'web');
  t.equal(freeName('web', ['web', 'web-2']), 'web-3');
  t.ok(freeName('x'.repeat(40), ['x'.repeat(28)]).length <= 32);
});

t.test('what is seen at once: what is not advanced; of a form that nobody wrote, a few plain values', async (t) => {
  const written = {
    properties: {
      a: { type: 'string' },
      b: { 'x-knot': { advanced: true } },
      c: { 'x-knot': { group: 'Net' } },
      d: { 'x-knot': { advanced: true, group: 'Net' } },
    },
  };
  t.strictSame(sectionsOf(written, false), {
    shown: [
      { title: '', names: ['a'] },
      { title: 'Net', names: ['c'] },
    ],
    folded: [
      { title: 'Other', names: ['b'] },
      { title: 'Net', names: ['d'] },
    ],
  });
  const few = { properties: { a: {}, b: { properties: { c: {} } } } };
  t.strictSame(sectionsOf(few, true), {
    shown: [{ title: '', names: ['a'] }],
    folded: [{ title: 'Other', names: ['b'] }],
  });
  const many = { properties: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`f${n}`, {}])) };
  t.strictSame(sectionsOf(many, true).shown, []);
});
