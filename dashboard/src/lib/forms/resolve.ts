/**
 * Which fields a form has now: the schema of a template with everything decided that values decide (if/then/else, dependent schemas,
 * `visibleIf`), references unfolded, and words cut to what fits on a page. Whoever wrote the schema may mean no good: everything is
 * bounded, and what cannot be shown is left to the YAML view.
 */
import { checkValues } from '../../../../gateway/lib/values/check.ts';
import type { JsonSchema } from '../../../../gateway/lib/template-plan.ts';
import { definitionAt } from '../../../../gateway/lib/values/pointer.ts';
import { isJsonObject, pointerOf, type JsonObject, type JsonValue, type Path } from './pointer.ts';

export type { JsonSchema };

export type Hints = {
  order?: number;
  group?: string;
  widget?: 'text' | 'textarea' | 'slider' | 'select' | 'switch' | 'code';
  advanced?: boolean;
  hidden?: boolean;
  secret?: boolean;
  unit?: string;
  /** What a number counts, of what a cluster has beside processors and memory: `nvidia.com/gpu`. */
  accelerator?: string;
  presets?: unknown[];
  from?: 'folders' | 'teams' | 'services' | 'sizes';
  visibleIf?: Record<string, unknown>;
};

export type Resolved = {
  schema: JsonSchema;
  /** By pointer of a field that only some branch has: which one has it now. */
  branches: ReadonlyMap<string, string>;
};

/** Of fields: a page with more is for nobody. What is beyond stands in the YAML view only. */
const mostFields = 500;
const mostLevels = 8;
const mostTitle = 120;
const mostText = 600;

/** Words that are the schema's own affair, or were decided. */
const decided = new Set(
  '$schema $id $ref $defs $comment definitions allOf if then else not dependentSchemas dependentRequired pattern examples form x-onyxia'.split(
    ' ',
  ),
);

/** Where each of several forms of a value keeps all that the schema says of it: what was cut for the page decides which one it is. */
const whole = 'x-knot-whole';

export const wholeOf = (form: JsonSchema): JsonSchema => (isJsonObject(form[whole]) ? form[whole] : form);

export const hintsOf = (schema: unknown): Hints => {
  const hints = isJsonObject(schema) ? schema['x-knot'] : undefined;
  return isJsonObject(hints) ? (hints as Hints) : {};
};

export function resolve(root: JsonSchema, values: JsonObject): Resolved {
  const branches = new Map<string, string>();
  let fields = 0;

  const matches = (schema: unknown, value: unknown): boolean =>
    isJsonObject(schema) && checkValues(alone(root, schema), (value ?? null) as JsonValue).length === 0;

  function resolveAt(given: unknown, value: unknown, path: Path, branch: string, at = pointerOf(path)): JsonSchema {
    const schema = unfold(root, given);
    const { properties, items, additionalProperties, oneOf, anyOf, title, description, ...rest } = schema;
    const shown: JsonSchema = Object.fromEntries(
      Object.entries(rest).filter(([keyword]) => !decided.has(keyword) && keyword !== whole),
    );
    if (typeof title === 'string') shown['title'] = cut(title, mostTitle);
    if (typeof description === 'string') shown['description'] = cut(description, mostText);
    if (isJsonObject(properties)) {
      const section = isJsonObject(value) ? value : {};
      merge(shown, { properties: propertiesAt(properties, section, path, branch) });
    }
    listOf(schema['allOf']).forEach((child, index) =>
      merge(shown, resolveAt(child, value, path, branch, `${at}/allOf/${index}`)),
    );
    for (const [name, child] of branchesOf(schema, value, matches))
      merge(shown, resolveAt(child, value, path, `${branch}${at}?${name};`));
    // What stands in each item of a list, and under each key of a map; which values they are nobody knows here.
    for (const [keyword, each] of Object.entries({ items, additionalProperties })) {
      if (isJsonObject(each)) shown[keyword] = path.length < mostLevels ? resolveAt(each, undefined, path, '-') : {};
      else if (each !== undefined) shown[keyword] = each;
    }
    // Which of them it is, the person says: the one that fits is shown.
    for (const [keyword, list] of [
      ['oneOf', oneOf],
      ['anyOf', anyOf],
    ] as const) {
      if (!Array.isArray(list) || list.length === 0) continue;
      const chosen = list.findIndex((each) => matches(each, value));
      shown[keyword] = list.slice(0, mostFields).map((each, index) => ({
        ...resolveAt(each, value, path, index === chosen ? `${branch}${at}?${keyword}/${index};` : '-'),
        ...(isJsonObject(each) && { [whole]: alone(root, each) }),
      }));
    }
    return shown;
  }

  function propertiesAt(
    properties: JsonObject,
    section: JsonObject,
    path: Path,
    branch: string,
  ): Record<string, JsonSchema> {
    const found: [string, JsonSchema][] = [];
    for (const [name, child] of Object.entries(properties)) {
      const schema = unfold(root, child);
      const { hidden = false, visibleIf } = hintsOf(schema);
      const isThere = visibleIf === undefined || isVisible(visibleIf, section, properties);
      if (hidden || !isThere || path.length >= mostLevels || fields >= mostFields) continue;
      fields += 1;
      const at = [...path, name];
      const own = visibleIf === undefined ? branch : `${branch}${pointerOf(at)}?visible;`;
      if (own !== '' && own !== '-' && !own.startsWith('-')) branches.set(pointerOf(at), own);
      found.push([name, resolveAt(schema, Object.hasOwn(section, name) ? section[name] : undefined, at, own)]);
    }
    return Object.fromEntries(inOrder(found));
  }

  return { schema: { type: 'object', ...resolveAt(root, values, [], '') }, branches };
}

/** A schema with the definitions of its root, as one that stands alone; each once, because a check is compiled for it. */
const together = new WeakMap<JsonSchema, WeakMap<object, JsonSchema>>();
export function alone(root: JsonSchema, schema: JsonSchema): JsonSchema {
  let known = together.get(root);
  if (known === undefined) together.set(root, (known = new WeakMap()));
  let whole = known.get(schema);
  if (whole === undefined) {
    const { $defs, definitions } = root;
    whole = { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }), ...schema };
    known.set(schema, whole);
  }
  return whole;
}

/** What a reference leads to, with what stands beside it. The gateway refuses circles; here they end. */
export function unfold(root: JsonSchema, given: unknown): JsonSchema {
  let schema: JsonSchema = isJsonObject(given) ? given : {};
  for (let steps = 0; steps < 32 && typeof schema['$ref'] === 'string'; steps += 1) {
    const { $ref, ...beside } = schema;
    const target = definitionAt(root, $ref);
    schema = { ...(isJsonObject(target) ? target : {}), ...beside };
  }
  return schema;
}

/** The parts of a schema that are in force for a value, by name. */
function* branchesOf(
  schema: JsonSchema,
  value: unknown,
  matches: (schema: unknown, value: unknown) => boolean,
): Generator<[name: string, schema: unknown]> {
  if (schema['if'] !== undefined) {
    const name = matches(schema['if'], value) ? 'then' : 'else';
    if (schema[name] !== undefined) yield [name, schema[name]];
  }
  const dependent = schema['dependentSchemas'];
  if (!isJsonObject(dependent) || !isJsonObject(value)) return;
  for (const [name, child] of Object.entries(dependent)) if (Object.hasOwn(value, name)) yield [`with ${name}`, child];
}

/** Each field named beside it has the value, or one of those, that is asked for. */
function isVisible(wanted: Record<string, unknown>, section: JsonObject, properties: JsonObject): boolean {
  return Object.entries(wanted).every(([name, value]) => {
    const given = Object.hasOwn(section, name) ? section[name] : undefined;
    const now = given ?? (Object.hasOwn(properties, name) ? (properties[name] as JsonSchema)['default'] : undefined);
    return Array.isArray(value) ? value.includes(now) : value === now;
  });
}

/** Those with an order first, by it; the rest as they are written. */
function inOrder(found: [string, JsonSchema][]): [string, JsonSchema][] {
  const orderOf = ([, schema]: [string, JsonSchema]): number => {
    const { order } = hintsOf(schema);
    return typeof order === 'number' ? order : Infinity;
  };
  return [...found].sort((a, b) => (orderOf(a) === orderOf(b) ? 0 : orderOf(a) - orderOf(b)));
}

/** Adds what another schema says of the same value. */
function merge(schema: JsonSchema, more: JsonSchema): void {
  for (const [keyword, value] of Object.entries(more)) {
    const before = schema[keyword];
    if (keyword === 'properties' && isJsonObject(before) && isJsonObject(value)) {
      const all = new Map(Object.entries(before));
      for (const [name, child] of Object.entries(value)) {
        const known = all.get(name);
        all.set(name, isJsonObject(known) ? { ...known, ...(child as JsonObject) } : child);
      }
      schema[keyword] = Object.fromEntries(inOrder([...all] as [string, JsonSchema][]));
    } else if (keyword === 'required' && Array.isArray(before) && Array.isArray(value)) {
      schema[keyword] = [...new Set<unknown>([...before, ...value])];
    } else schema[keyword] = value;
  }
}

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
