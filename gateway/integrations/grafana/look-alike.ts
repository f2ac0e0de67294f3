/** What an API answers: anything that is JSON. */
export type Shape = null | boolean | number | string | Shape[] | { [key: string]: Shape };

/** Whether all that is wanted is there, and lists are equal; what else a tool adds by itself is its own. */
export function lookAlike(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((item, index) => lookAlike(item, (found as unknown[])[index]))
    );
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof found === 'object' &&
      found !== null &&
      Object.entries(wanted).every(([key, value]) => lookAlike(value, (found as Record<string, unknown>)[key]))
    );
  return wanted === found;
}
