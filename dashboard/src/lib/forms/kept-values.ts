/** Values of a form as they are kept in the browser: secrets never are. */
import { isJsonObject, type JsonObject, type JsonValue, setAt, valueAt } from './pointer.ts';

export function textToKeep(values: JsonObject, secrets: readonly string[]): string {
  const kept = structuredClone(values);
  for (const pointer of secrets) setAt(kept, pointer, undefined);
  return JSON.stringify(kept);
}

/** Back again: what cannot be read is as it `begun`; each secret is what `secretFor` makes of the one that it began with. */
export function valuesKept(
  text: string,
  {
    begun,
    secrets,
    secretFor,
  }: {
    begun: JsonObject;
    secrets: readonly string[];
    secretFor: (begunWith: JsonValue | undefined) => JsonValue | undefined;
  },
): JsonObject {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    read = begun;
  }
  const values = structuredClone(isJsonObject(read) ? read : begun);
  for (const pointer of secrets) setAt(values, pointer, secretFor(valueAt(begun, pointer)));
  return values;
}
