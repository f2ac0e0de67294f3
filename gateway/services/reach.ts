import { isJsonObject, type JsonObject, type JsonValue, type ProcessPlan } from '../lib/index.ts';

const mostReached = 20;

/** Names of the owner's other services that one is to reach: the value that its template says. */
export function reachedBy({ reaches }: Pick<ProcessPlan, 'reaches'>, values: JsonObject): string[] {
  if (reaches === undefined) return [];
  let value: JsonValue | undefined = values;
  for (const key of reaches.split('.').slice(1))
    value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  const names = (Array.isArray(value) ? value : [value]).filter((name) => typeof name === 'string' && name !== '');
  return [...new Set(names as string[])].slice(0, mostReached);
}
