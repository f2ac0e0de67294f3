import {
  differences,
  isJsonObject,
  type JsonObject,
  type JsonSchema,
  type JsonValue,
  memberOf,
  namesIn,
} from '../../lib/index.ts';

/** The same values with another one at a place; what stands in the way of it gives way. */
export function withValueAt(values: JsonObject, [name, ...rest]: readonly string[], value: JsonValue): JsonObject {
  if (name === undefined) return values;
  const inner = memberOf(values, name);
  return { ...values, [name]: rest.length === 0 ? value : withValueAt(isJsonObject(inner) ? inner : {}, rest, value) };
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
    if (!isKnownAt(schema, newDefaults, namesIn(path))) {
      misfits.push({ path, message: 'The new version does not know this.' });
      continue;
    }
    const tried = withValueAt(rebased, namesIn(path), after);
    const [problem] = check(tried).filter(({ pointer }) => !known.has(pointer));
    if (problem === undefined) rebased = tried;
    else misfits.push({ path, message: problem.message });
  }
  return { values: rebased, misfits };
}

/** Whether a version has something at a place: a default, or a property, or room for whatever one likes. */
function isKnownAt(schema: unknown, defaults: JsonValue | undefined, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  const inner = isJsonObject(defaults) ? memberOf(defaults, name) : undefined;
  const properties = isJsonObject(schema) ? schema['properties'] : undefined;
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) return isKnownAt(properties[name], inner, rest);
  if (inner !== undefined) return isKnownAt(undefined, inner, rest);
  // Without properties it is a place for anything; with them it is one if it says so.
  return !isJsonObject(properties) || (isJsonObject(schema) && isJsonObject(schema['additionalProperties']));
}
