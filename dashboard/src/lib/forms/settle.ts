/** What becomes of values when one that decides over others changes. */
import { isJsonObject, type JsonObject, type JsonValue, namesIn, pointerOf, setAt, valueAt } from './pointer.ts';
import { hintsOf, listOf, resolve, unfold, type JsonSchema, type Resolved } from './resolve.ts';

const mostRounds = 8;

/**
 * The values after a change in the form, and the form that they have: what a branch had that was left is gone, and what the new one has
 * begins with its default, so that nothing typed into a branch comes back or is sent. `before` is the form before the change.
 */
export function settle(
  root: JsonSchema,
  defaults: JsonObject,
  before: Resolved,
  after: JsonObject,
): { values: JsonObject; resolved: Resolved } {
  const values = structuredClone(after);
  let known = before.branches;
  let resolved = resolve(root, values);
  for (let round = 0; round < mostRounds; round += 1) {
    const { branches, schema } = resolved;
    const left = [...known.keys()].filter((pointer) => branches.get(pointer) !== known.get(pointer));
    const entered = [...branches.keys()].filter((pointer) => branches.get(pointer) !== known.get(pointer));
    if (left.length === 0 && entered.length === 0) break;
    for (const pointer of left) setAt(values, pointer, undefined);
    // From the outside in: a section brings its fields along.
    for (const pointer of entered) {
      const value = valueAt(defaults, pointer) ?? defaultAt(schema, pointer);
      if (value !== undefined) setAt(values, pointer, structuredClone(value));
    }
    known = branches;
    resolved = resolve(root, values);
  }
  return { values, resolved };
}

/** What is sent: without fields of branches that are not in force. What the form does not know at all is kept. */
export function activeValues(root: JsonSchema, values: JsonObject): JsonObject {
  const active = structuredClone(values);
  const { schema } = resolve(root, values);
  prune(root, root, active, schema);
  return active;
}

function prune(root: JsonSchema, given: unknown, values: JsonObject, shown: unknown): void {
  const conditional = new Set<string>();
  const plain = new Map<string, unknown>();
  collect(root, given, false, conditional, plain, 0);
  const properties = isJsonObject(shown) ? shown['properties'] : undefined;
  const now = isJsonObject(properties) ? properties : {};
  const chosen = alternativesOf(shown);
  for (const name of Object.keys(values)) {
    const isActive = Object.hasOwn(now, name) || chosen.has(name);
    if (conditional.has(name) && !isActive) delete values[name];
    else if (plain.has(name) && Object.hasOwn(now, name) && isJsonObject(values[name]))
      prune(root, plain.get(name), values[name], now[name]);
  }
}

/** Names of the properties that a schema has only in some branch, and of those it always has. */
function collect(
  root: JsonSchema,
  given: unknown,
  isBranch: boolean,
  conditional: Set<string>,
  plain: Map<string, unknown>,
  depth: number,
): void {
  if (depth > 16) return;
  const schema = unfold(root, given);
  const { properties } = schema;
  if (isJsonObject(properties))
    for (const [name, child] of Object.entries(properties)) {
      const isHidden = hintsOf(unfold(root, child)).hidden === true;
      const isConditional = isBranch || hintsOf(unfold(root, child)).visibleIf !== undefined;
      if (isConditional && !plain.has(name) && !isHidden) conditional.add(name);
      else if (!isConditional) {
        plain.set(name, child);
        conditional.delete(name);
      }
    }
  const into = (child: unknown, isOne: boolean): void =>
    collect(root, child, isBranch || isOne, conditional, plain, depth + 1);
  for (const child of listOf(schema['allOf'])) into(child, false);
  for (const keyword of ['then', 'else']) if (schema[keyword] !== undefined) into(schema[keyword], true);
  for (const keyword of ['oneOf', 'anyOf']) for (const child of listOf(schema[keyword])) into(child, true);
  const dependent = schema['dependentSchemas'];
  if (isJsonObject(dependent)) for (const child of Object.values(dependent)) into(child, true);
}

/** Of alternatives any may be the one: what all of them have stays. */
function alternativesOf(shown: unknown): Set<string> {
  const found = new Set<string>();
  if (!isJsonObject(shown)) return found;
  for (const keyword of ['oneOf', 'anyOf'])
    for (const each of listOf(shown[keyword]))
      if (isJsonObject(each) && isJsonObject(each['properties']))
        for (const name of Object.keys(each['properties'])) found.add(name);
  return found;
}

/** What the schema itself says a field begins with. */
export function defaultAt(schema: JsonSchema, pointer: string): JsonValue | undefined {
  let here: unknown = schema;
  for (const name of namesIn(pointer)) {
    const properties: unknown = isJsonObject(here) ? here['properties'] : undefined;
    here = isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  }
  return isJsonObject(here) ? (here['default'] as JsonValue | undefined) : undefined;
}

/** Pointers of the secret fields of a form. */
export function secretsIn(root: JsonSchema, given: unknown = root, path: readonly string[] = [], depth = 0): string[] {
  if (depth > 16) return [];
  const schema = unfold(root, given);
  const found: string[] = [];
  const { properties } = schema;
  if (isJsonObject(properties))
    for (const [name, child] of Object.entries(properties)) {
      const at = [...path, name];
      if (hintsOf(unfold(root, child)).secret === true) found.push(pointerOf(at));
      else found.push(...secretsIn(root, child, at, depth + 1));
    }
  for (const keyword of ['allOf', 'oneOf', 'anyOf'])
    for (const child of listOf(schema[keyword])) found.push(...secretsIn(root, child, path, depth + 1));
  for (const keyword of ['then', 'else'])
    if (schema[keyword] !== undefined) found.push(...secretsIn(root, schema[keyword], path, depth + 1));
  return [...new Set(found)];
}
