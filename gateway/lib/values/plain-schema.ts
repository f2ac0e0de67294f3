import { isJsonObject, type JsonSchema } from '../template-plan.ts';
import { definitionAt } from './pointer.ts';

/** Keywords that the form and the check of values understand; one that is unknown would be a promise that nobody keeps. */
export const knownKeywords: ReadonlySet<string> = new Set(
  [
    '$schema $id $comment $defs definitions $ref title description default examples type enum const format pattern',
    'minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems items',
    'properties required additionalProperties minProperties maxProperties allOf anyOf oneOf not if then else',
    'dependentRequired dependentSchemas readOnly deprecated x-knot form x-onyxia',
  ]
    .join(' ')
    .split(' '),
);

/** Formats that are checked; the library's own tests of these are linear. */
export const knownFormats = new Set('email uri hostname ipv4 ipv6 uuid date time date-time duration'.split(' '));

/** Keywords below which schemas stand: one, a list of them, or some with names. */
export const subschemas = {
  one: ['additionalProperties', 'items', 'not', 'if', 'then', 'else'],
  list: ['allOf', 'anyOf', 'oneOf'],
  named: ['properties', '$defs', 'definitions', 'dependentSchemas'],
};

/** What else a schema says of the same value: what it refers to, all of a list or one of it, what holds under some condition. */
export function schemasBeside(root: JsonSchema, schema: JsonSchema): unknown[] {
  const { $ref, allOf, anyOf, oneOf, dependentSchemas } = schema;
  return [
    definitionAt(root, $ref),
    ...[allOf, anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : [])),
    ...[schema['if'], schema['then'], schema['else']],
    ...(isJsonObject(dependentSchemas) ? Object.values(dependentSchemas) : []),
  ];
}

/**
 * The same schema with nothing in it but what is understood. Each `pattern` is handed to `patternFormat`, which names a format that
 * tests it; the schema must have been read by `readValuesSchema`.
 */
export function plainSchema(schema: unknown, patternFormat: (pattern: string) => string): JsonSchema | boolean {
  if (!isJsonObject(schema)) return schema === true;
  const plain: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (!knownKeywords.has(keyword) || keyword === 'x-knot' || keyword === 'pattern') continue;
    if (keyword === 'format' && !knownFormats.has(value as string)) continue;
    plain[keyword] = subschemas.one.includes(keyword)
      ? plainSchema(value, patternFormat)
      : Array.isArray(value) && subschemas.list.includes(keyword)
        ? value.map((each) => plainSchema(each, patternFormat))
        : isJsonObject(value) && subschemas.named.includes(keyword)
          ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plainSchema(each, patternFormat)]))
          : structuredClone(value);
  }
  if (typeof schema['pattern'] === 'string') {
    const all = Array.isArray(plain['allOf']) ? (plain['allOf'] as JsonSchema[]) : [];
    plain['allOf'] = [...all, { format: patternFormat(schema['pattern']) }];
  }
  return plain;
}
