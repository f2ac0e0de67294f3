import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from '../../lib/index.ts';

/** What stands at a place before and after; absent where nothing does. `path` is a JSON pointer (RFC 6901). */
export type Difference = { path: string; before?: JsonValue; after?: JsonValue; isSecret?: boolean };

const stepOf = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
export const stepsOf = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Where two differ, innermost first come; lists are one thing, as Helm takes them. */
export function differences(before: JsonObject, after: JsonObject, at = ''): Difference[] {
  const found: Difference[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = at + stepOf(key);
    const one = Object.hasOwn(before, key) ? before[key] : undefined;
    const other = Object.hasOwn(after, key) ? after[key] : undefined;
    if (isJsonObject(one) && isJsonObject(other)) found.push(...differences(one, other, path));
    else if (!isSame(one, other))
      found.push({ path, ...(one !== undefined && { before: one }), ...(other !== undefined && { after: other }) });
  }
  return found;
}

/** Whatever the order of its keys. */
export function isSame(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  if (isJsonObject(one) && isJsonObject(other)) {
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
    );
  }
  return one === other;
}

/** The same values with another one at a place; what stands in the way of it gives way. */
export function withValueAt(values: JsonObject, [step, ...rest]: readonly string[], value: JsonValue): JsonObject {
  if (step === undefined) return values;
  const inner = Object.hasOwn(values, step) ? values[step] : undefined;
  return { ...values, [step]: rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value) };
}

/** What a person chose that a new version of a template does not take, and why. */
export type Misfit = { path: string; message: string };

/**
 * What a person chose, on the defaults of another version: each of their differences is put in place of the new default if the new
 * version takes it there; the others are named. What was never changed follows the defaults.
 */
export function rebase(options: {
  values: JsonObject;
  oldDefaults: JsonObject;
  newDefaults: JsonObject;
  schema: JsonSchema;
  check(values: JsonObject): readonly { pointer: string; message: string }[];
}): { values: JsonObject; misfits: Misfit[] } {
  const { values, oldDefaults, newDefaults, schema, check } = options;
  let rebased = newDefaults;
  const misfits: Misfit[] = [];
  const known = new Set(check(newDefaults).map(({ pointer }) => pointer));
  for (const { path, after } of differences(oldDefaults, values)) {
    if (after === undefined) continue;
    if (!isKnownAt(schema, newDefaults, stepsOf(path))) {
      misfits.push({ path, message: 'The new version does not know this.' });
      continue;
    }
    const tried = withValueAt(rebased, stepsOf(path), after);
    const [problem] = check(tried).filter(({ pointer }) => !known.has(pointer));
    if (problem === undefined) rebased = tried;
    else misfits.push({ path, message: problem.message });
  }
  return { values: rebased, misfits };
}

/** Whether a version has something at a place: a default, or a property, or room for whatever one likes. */
function isKnownAt(schema: unknown, defaults: JsonValue | undefined, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined) return true;
  const inner = isJsonObject(defaults) && Object.hasOwn(defaults, step) ? defaults[step] : undefined;
  const properties = isJsonObject(schema) ? schema['properties'] : undefined;
  if (isJsonObject(properties) && Object.hasOwn(properties, step)) return isKnownAt(properties[step], inner, rest);
  if (inner !== undefined) return isKnownAt(undefined, inner, rest);
  // Without properties it is a place for anything; with them it is one if it says so.
  return !isJsonObject(properties) || (isJsonObject(schema) && isJsonObject(schema['additionalProperties']));
}

/** The same, with what is secret named but not shown. */
export function masked(found: readonly Difference[], ...schemas: readonly JsonSchema[]): Difference[] {
  return found.map((each) =>
    schemas.some((schema) => isSecretAt(schema, schema, stepsOf(each.path)))
      ? { path: each.path, isSecret: true }
      : each,
  );
}

const mostDepth = 32;

/** Whether a place, something it is part of, or something in it is marked `x-knot: {secret: true}`. */
function isSecretAt(root: JsonSchema, schema: unknown, steps: readonly string[], depth = 0): boolean {
  if (!isJsonObject(schema) || depth > mostDepth) return false;
  const hint = schema['x-knot'];
  if (isJsonObject(hint) && hint['secret'] === true) return true;
  const inner = (part: unknown, rest: readonly string[]): boolean => isSecretAt(root, part, rest, depth + 1);
  const { $ref } = schema;
  const [, keyword, name] = typeof $ref === 'string' ? (/^#\/(\$defs|definitions)\/([^/]+)$/.exec($ref) ?? []) : [];
  if (keyword !== undefined && inner((root[keyword] as JsonObject | undefined)?.[stepsOf(`/${name}`)[0]!], steps))
    return true;
  for (const word of ['allOf', 'anyOf', 'oneOf'])
    if (Array.isArray(schema[word]) && schema[word].some((part) => inner(part, steps))) return true;
  for (const word of ['if', 'then', 'else']) if (inner(schema[word], steps)) return true;
  const named = Object.entries(isJsonObject(schema['dependentSchemas']) ? schema['dependentSchemas'] : {});
  if (named.some(([, part]) => inner(part, steps))) return true;
  const [step, ...rest] = steps;
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  if (step === undefined)
    return Object.values(properties).some((part) => inner(part, [])) || inner(schema['items'], []);
  if (Object.hasOwn(properties, step)) return inner(properties[step], rest);
  return inner(schema['additionalProperties'], rest);
}
