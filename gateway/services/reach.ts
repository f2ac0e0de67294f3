import { type JsonObject, type ProcessPlan, valueAtPath } from '../lib/index.ts';

const mostReached = 20;

/** Names of the owner's other services that one is to reach: the value that its template says. */
export function reachedBy({ reaches }: Pick<ProcessPlan, 'reaches'>, values: JsonObject): string[] {
  if (reaches === undefined) return [];
  const value = valueAtPath(values, reaches);
  const names = (Array.isArray(value) ? value : [value]).filter((name) => typeof name === 'string' && name !== '');
  return [...new Set(names as string[])].slice(0, mostReached);
}
