/** Places in the plain data of a form, by JSON pointers. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../gateway/lib/template-plan.ts';
import { memberOf, namesIn, pointerOf, valueAt } from '../../../../gateway/lib/values/pointer.ts';

export type { JsonObject, JsonValue };
export { isJsonObject, namesIn, pointerOf, valueAt };

/** Plain data of what a form holds: a field without a value is no member. */
export function plain(value: unknown): JsonValue | undefined {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
}

/** The same of a whole set of values. */
export function plainValues(values: unknown): JsonObject {
  const data = plain(values);
  return isJsonObject(data) ? data : {};
}

export type Path = readonly (string | number)[];

/** The way to a place of this data: indexes of lists as numbers. */
export function pathIn(pointer: string, data: unknown): (string | number)[] {
  let here = data;
  return namesIn(pointer).map((name) => {
    const part = Array.isArray(here) ? Number(name) : name;
    here = memberOf(here, name);
    return part;
  });
}

/** Sets a value in place, with the sections on the way that are not there yet; takes it away for undefined. Below what is no section nothing is set. */
export function setAt(data: JsonObject, pointer: string, value: JsonValue | undefined): void {
  const names = namesIn(pointer);
  const last = names.pop();
  if (last === undefined) return;
  let here: JsonObject | JsonValue[] = data;
  for (const name of names) {
    const next: unknown = memberOf(here, name);
    if (isJsonObject(next) || Array.isArray(next)) {
      here = next as JsonObject | JsonValue[];
      continue;
    }
    if (value === undefined || next !== undefined || Array.isArray(here)) return;
    const made: JsonObject = {};
    own(here, name, made);
    here = here[name] as JsonObject;
  }
  if (Array.isArray(here)) {
    if (value !== undefined && Number(last) < here.length) here[Number(last)] = value;
  } else if (value === undefined) delete here[last];
  else own(here, last, value);
}

/** As a member of its own, whatever its name is. */
function own(data: JsonObject, name: string, value: JsonValue): void {
  if (name === '__proto__')
    Object.defineProperty(data, name, { value, enumerable: true, configurable: true, writable: true });
  else data[name] = value;
}
