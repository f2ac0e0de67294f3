import fc from 'fast-check';
import t from 'tap';
import { readValuesSchema } from '../../gateway/catalogue/values-schema.ts';
import { checkValues, type JsonObject, refusedPattern, withDefaults } from '../../gateway/lib/index.ts';
import type { TemplateProblem } from '../../gateway/catalogue/template.ts';

function schemaOf(schema: unknown) {
  const problems: TemplateProblem[] = [];
  const read = readValuesSchema(JSON.stringify(schema), problems);
  return { read, problems: problems.map(({ severity, message }) => `${severity}: ${message}`) };
}

const check = (schema: object, values: JsonObject) => {
  const { read } = schemaOf(schema);
  return checkValues(read!, values).map(({ pointer, message }) => `${pointer}: ${message}`);
};

t.test('values are checked by the schema, each problem at its place', async (t) => {
  const schema = {
    type: 'object',
    required: ['folder'],
    additionalProperties: false,
    properties: {
      folder: { type: 'string', pattern: '^/files/[a-z]+$' },
      size: { $ref: '#/$defs/size' },
      nested: { type: 'object', properties: { many: { type: 'array', items: { type: 'integer', minimum: 1 } } } },
    },
    $defs: { size: { enum: ['small', 'large'] } },
  };
  t.strictSame(check(schema, { folder: '/files/a', size: 'small', nested: { many: [1, 2] } }), []);
  t.strictSame(check(schema, {}), ['/folder: This is needed.'], 'what is missing is said where it would be');
  t.match(check(schema, { folder: '/etc' }), [/^\/folder: Must match \^\/files/]);
  t.match(check(schema, { folder: `/files/${'a'.repeat(300)}` }), [/^\/folder: Must match .* at most 256/]);
  t.match(check(schema, { folder: '/files/a', size: 'huge' }), [/^\/size: /]);
  t.match(check(schema, { folder: '/files/a', nested: { many: [0] } }), [/^\/nested\/many\/0: /]);
  t.strictSame(check(schema, { folder: '/files/a', other: 1 }), ['/other: This is not known here.']);
});

/** Each definition uses the next one twice. */
const doubling = (levels: number) => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: levels }, (_, n) => [
      `d${n}`,
      n === levels - 1 ? {} : { allOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] },
    ]),
  ),
});
/** Each definition holds the next one. */
const chain = (levels: number) => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: levels }, (_, n) => [
      `d${n}`,
      n === levels - 1 ? {} : { properties: { a: { $ref: `#/$defs/d${n + 1}` } } },
    ]),
  ),
});

t.test('what is wrong is said in words for people', async (t) => {
  const rows: [object, JsonObject['a'], string][] = [
    [{ type: 'string' }, 1, 'Must be text.'],
    [{ type: ['integer', 'null'] }, 'x', 'Must be a whole number or nothing.'],
    [{ enum: ['a', 2] }, 'x', 'Must be one of ["a",2].'],
    [{ const: 'a' }, 'x', 'Must be "a".'],
    [{ minLength: 3 }, 'x', 'Must have at least 3 characters.'],
    [{ maxLength: 3 }, 'xxxx', 'Must have at most 3 characters.'],
    [{ minimum: 1.5 }, 1, 'Must be at least 1.5.'],
    [{ maximum: -2 }, 1, 'Must be at most -2.'],
    [{ maxItems: 1 }, [1, 2], 'Must have at most 1 items.'],
    [{ format: 'email' }, 'x', 'Must be email.'],
  ];
  for (const [schema, value, message] of rows)
    t.strictSame(check({ properties: { a: schema } }, { a: value! }), [`/a: ${message}`]);
  const either = { oneOf: [{ required: ['b'] }, { required: ['c'] }] };
  t.strictSame(check({ properties: { a: either } }, { a: {} }), [
    '/a: Fits none of the forms it may have, or several.',
  ]);
  t.strictSame(check({ required: ['a/b'] }, {}), ['/a~1b: This is needed.']);
});

t.test('a schema that would cost its readers dearly, or lead elsewhere, is refused by the place of it', async (t) => {
  const deep = Array.from({ length: 30 }).reduce<object>((inner) => ({ properties: { a: inner } }), {});
  const rows: [unknown, RegExp][] = [
    [{ properties: { a: { pattern: '(a+)+$' } } }, /\/properties\/a\/pattern repeats a group/],
    [{ properties: { a: { pattern: '(a|aa)*$' } } }, /repeats a group/],
    [{ properties: { a: { pattern: '(.*)\\1' } } }, /refers back/],
    [{ properties: { a: { pattern: '(?=a)' } } }, /looks ahead/],
    [{ properties: { a: { pattern: '^a*b*c*d*$' } } }, /without end more than 3 times/],
    [{ properties: { a: { pattern: '(a+)(a+)(a)+ba' } } }, /without end more than 2 times/],
    [{ properties: { a: { pattern: '(' } } }, /is no regular expression/],
    [{ properties: { a: { pattern: 'a'.repeat(201) } } }, /longer than 200/],
    [deep, /nested more than 16/],
    [{ properties: Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`a${n}`, {}])) }, /more than 2000 parts/],
    [{ $ref: '#' }, /must be #\/\$defs/],
    [{ properties: { a: { $ref: 'https://example.org/x.json' } } }, /must be #\/\$defs/],
    [{ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }, /in a circle/],
    [{ $ref: '#/$defs/a', $defs: { a: { properties: { b: { $ref: '#/$defs/a' } } } } }, /in a circle/],
    [doubling(40), /unfolds to more than 10000 parts/],
    [chain(60), /leads through more than 32 levels/],
    [{ type: 'array' }, /must be of type/],
    [[], /must be an object/],
    [{ properties: { a: { anyOf: {} } } }, /^error: \/properties\/a\/anyOf must be a list/],
    [{ properties: { a: { properties: [] } } }, /^error: \/properties\/a\/properties must be an object/],
    [{ properties: { a: { 'x-knot': { widget: 'frame' } } } }, /x-knot\/widget/],
  ];
  for (const [schema, message] of rows) {
    const { read, problems } = schemaOf(schema);
    t.equal(read, undefined, JSON.stringify(schema).slice(0, 60));
    t.match(problems, [message]);
  }
});

t.test('a schema that is large and plain is taken', async (t) => {
  const fields = Object.fromEntries(Array.from({ length: 1_990 }, (_, n) => [`a${n}`, { type: 'string' }]));
  t.strictSame(schemaOf({ properties: fields }).problems, []);
});

t.test('what is not understood is said, and has no effect', async (t) => {
  const { read, problems } = schemaOf({
    properties: { a: { type: 'string', format: '__proto__' } },
    patternProperties: { '(a+)+$': false },
    unevaluatedProperties: false,
  });
  t.match(problems, [/patternProperties/, /unevaluatedProperties/, /format is not checked/]);
  t.strictSame(checkValues(read!, { a: 'x', [`${'a'.repeat(60)}!`]: 1 }), []);
});

t.test('values that are too many or too deep are refused before they are looked at', async (t) => {
  const { read } = schemaOf({});
  const deep = Array.from({ length: 30 }).reduce<JsonObject>((inner) => ({ a: inner }), {});
  t.match(checkValues(read!, deep), [{ message: /20 levels/ }]);
  t.match(checkValues(read!, { a: 'x'.repeat(70_000) }), [{ message: /65536/ }]);
  t.match(checkValues(read!, { a: Array<number>(5000).fill(1) }), [{ message: /more than 2000 parts/ }]);
});

t.test('an expression that is let through is quick on every text it is tried on', async () => {
  const parts = ['a', 'b', '[ab]', '.', '(a)', '(ab)', '(a+)', '(a|b)', '\\d', '^', '$'];
  const times = ['', '*', '+', '?', '{2,5}', '{2,}'];
  const piece = fc.tuple(fc.constantFrom(...parts), fc.constantFrom(...times)).map((pair) => pair.join(''));
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const pattern = pieces.join('');
      if (refusedPattern(pattern) !== undefined) return;
      const expression = new RegExp(pattern, 'u');
      const before = process.cpuUsage();
      for (const text of ['a'.repeat(256), `${'ab'.repeat(127)}!`, `${'a'.repeat(255)}!`]) expression.test(text);
      const { user } = process.cpuUsage(before);
      // Far above what the third power of 256 takes, far below what doubles with each character.
      if (user > 5_000_000) throw new Error(`${pattern} took ${user} µs`);
    }),
    { numRuns: 300 },
  );
});

t.test('what a person gives stands in the place of the default, lists as a whole', async (t) => {
  const defaults = { a: { b: 1, c: [1, 2] }, d: 'x' };
  t.strictSame(withDefaults(defaults, { a: { c: [3] }, e: null }), { a: { b: 1, c: [3] }, d: 'x', e: null });
  t.strictSame(defaults, { a: { b: 1, c: [1, 2] }, d: 'x' });
});
