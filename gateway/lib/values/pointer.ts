import { isJsonObject, type JsonObject, type JsonSchema, type JsonValue } from '../template-plan.ts';

/** The JSON pointer (RFC 6901) of a place in plain data, by the names that lead to it; '' is the whole. */
export const pointerOf = (names: readonly (string | number)[]): string =>
  names.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Names of a pointer; the index of a list stays a text. */
export const namesIn = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

/** What a section or a list has itself under a name; what every object has is not meant. */
export function memberOf(data: unknown, name: string): JsonValue | undefined {
  if (data === null || typeof data !== 'object' || !Object.hasOwn(data, name)) return undefined;
  return (data as JsonObject)[name];
}

/** What stands at a place, by its pointer or the names that lead to it; undefined when nothing does. */
export function valueAt(data: unknown, place: string | readonly string[]): JsonValue | undefined {
  let here = data;
  for (const name of typeof place === 'string' ? namesIn(place) : place) here = memberOf(here, name);
  return here as JsonValue | undefined;
}

/** Names in a path as templates write them: `values.a.b`. */
export const namesInPath = (path: string): string[] => path.split('.').slice(1);

/** The value at such a path; a list is one value, as Helm takes it. */
export function valueAtPath(values: JsonObject, path: string): JsonValue | undefined {
  let here: JsonValue | undefined = values;
  for (const name of namesInPath(path)) here = isJsonObject(here) ? memberOf(here, name) : undefined;
  return here;
}

/** What `$ref` leads to, as far as a template may refer: `#/$defs/NAME` of its own file. Undefined for anything else. */
export function definitionAt(root: JsonSchema, reference: unknown): unknown {
  if (typeof reference !== 'string' || !/^#\/(?:\$defs|definitions)\/[^/]+$/.test(reference)) return undefined;
  return valueAt(root, reference.slice(1));
}
