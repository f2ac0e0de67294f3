/** Whether an object of the cluster has all that is wanted; what the API server adds to it does not count. */
export function holds(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return found === wanted;
  if (typeof found !== 'object' || found === null) return false;
  if (Array.isArray(wanted)) {
    const parts = Array.isArray(found) ? (found as unknown[]) : [];
    return parts.length === wanted.length && wanted.every((part, index) => holds(parts[index], part));
  }
  return Object.entries(wanted).every(([name, part]) => holds((found as Record<string, unknown>)[name], part));
}
