import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from '../template-plan.ts';
import { schemasBeside } from './plain-schema.ts';
import { memberOf, namesIn, pointerOf } from './pointer.ts';

/** What stands at a place before and after; absent where nothing does. `path` is a JSON pointer (RFC 6901). */
export type Difference = { path: string; before?: JsonValue; after?: JsonValue; isSecret?: boolean };

/** Where two differ, innermost first come; lists are one thing, as Helm takes them. */
export function differences(before: JsonObject, after: JsonObject, at = ''): Difference[] {
  const found: Difference[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = at + pointerOf([key]);
    const one = memberOf(before, key);
    const other = memberOf(after, key);
    if (isJsonObject(one) && isJsonObject(other)) found.push(...differences(one, other, path));
    else if (!isSame(one, other))
      found.push({ path, ...(one !== undefined && { before: one }), ...(other !== undefined && { after: other }) });
  }
  return found;
}

/** Equal as plain data, whatever the order of keys. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((each, index) => isSame(each, other[index]));
  if (isJsonObject(one) && isJsonObject(other)) {
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
    );
  }
  return false;
}

/** The same, with what is secret named but not shown. */
export function masked(found: readonly Difference[], ...schemas: readonly JsonSchema[]): Difference[] {
  return found.map((each) =>
    schemas.some((schema) => isSecretAt(schema, each.path)) ? { path: each.path, isSecret: true } : each,
  );
}

const mostDepth = 32;

/** Whether a place (JSON pointer), something it is part of, or something in it is marked `x-knot: {secret: true}`. */
export function isSecretAt(root: JsonSchema, pointer: string): boolean {
  return isSecret(root, namesIn(pointer), 0);

  function isSecret(schema: unknown, names: readonly string[], depth: number): boolean {
    if (!isJsonObject(schema) || depth > mostDepth) return false;
    const hint = schema['x-knot'];
    if (isJsonObject(hint) && hint['secret'] === true) return true;
    const inner = (part: unknown, rest = names): boolean => isSecret(part, rest, depth + 1);
    if (schemasBeside(root, schema).some((part) => inner(part))) return true;
    const { properties, items, additionalProperties } = schema;
    const [name, ...rest] = names;
    const named = isJsonObject(properties) ? properties : {};
    if (name === undefined) return [...Object.values(named), items, additionalProperties].some((part) => inner(part));
    if (Object.hasOwn(named, name)) return inner(named[name], rest);
    return inner(additionalProperties, rest) || inner(items, rest);
  }
}

/** What stands in place of a secret that is not shown. */
export const secretWord = '(secret)';

/** Plain data with each value that its schema marks as secret replaced by `secretWord`; a list that has one in it as a whole. */
export function withoutSecrets(values: JsonObject, schema: JsonSchema, at = ''): JsonObject {
  const shown: JsonObject = Object.create(null) as JsonObject;
  for (const [key, value] of Object.entries(values)) {
    const path = at + pointerOf([key]);
    if (isJsonObject(value)) shown[key] = withoutSecrets(value, schema, path);
    else shown[key] = isSecretAt(schema, path) ? secretWord : value;
  }
  return shown;
}
