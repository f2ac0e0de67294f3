/** Values of a form as they are kept in the browser: what is secret never is. */
import { isSame, isSecretAt } from '../../../../gateway/lib/values/differences.ts';
import { isJsonObject, type JsonObject, type JsonValue, pointerOf } from './pointer.ts';
import type { JsonSchema } from './resolve.ts';

export const textToKeep = (schema: JsonSchema, values: JsonObject): string =>
  JSON.stringify(withoutSecrets(schema, values));

/** Back again, with the secrets that it `begun` with; what cannot be read is as it begun. */
export function valuesKept(schema: JsonSchema, text: string, begun: JsonObject): JsonObject {
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch {
    kept = undefined;
  }
  return structuredClone(isJsonObject(kept) ? (withSecretsOf(schema, begun, kept) as JsonObject) : begun);
}

/** All but the values that are secret, wherever in sections, maps and lists they stand; undefined for one that is. */
function withoutSecrets(schema: JsonSchema, value: JsonValue, pointer = ''): JsonValue | undefined {
  const inner = (name: string | number, part: JsonValue): JsonValue | undefined =>
    withoutSecrets(schema, part, pointer + pointerOf([name]));
  if (Array.isArray(value)) return value.map((part, index) => inner(index, part)).filter((part) => part !== undefined);
  if (!isJsonObject(value)) return isSecretAt(schema, pointer) ? undefined : value;
  const parts = Object.entries(value).map(([name, part]) => [name, inner(name, part)] as const);
  return Object.fromEntries(parts.filter((named): named is [string, JsonValue] => named[1] !== undefined));
}

/** Of a list the secrets come back only while the rest of it is as it was: of another one nobody knows whose they were. */
function withSecretsOf(schema: JsonSchema, begun: JsonValue, kept: JsonValue, pointer = ''): JsonValue {
  if (Array.isArray(begun)) return isSame(kept, withoutSecrets(schema, begun, pointer)) ? begun : kept;
  if (!isJsonObject(begun) || !isJsonObject(kept)) return kept;
  const whole = new Map(Object.entries(kept));
  for (const [name, value] of Object.entries(begun)) {
    const at = pointer + pointerOf([name]);
    const part = whole.get(name);
    if (part !== undefined) whole.set(name, withSecretsOf(schema, value, part, at));
    else if (withoutSecrets(schema, value, at) === undefined) whole.set(name, value);
  }
  return Object.fromEntries(whole);
}
