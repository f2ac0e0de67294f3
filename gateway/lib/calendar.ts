/** Days (`YYYY-MM-DD`) and months (`YYYY-MM`) of UTC, as ISO 8601 writes them; moments are epoch milliseconds. */

export const dayMs = 24 * 3600 * 1000;

export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

/** The first moment of a month, and that of the next one. */
export function boundsOf(month: string): { first: number; next: number } {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return { first: Date.UTC(year, number - 1), next: Date.UTC(year, number) };
}

/** How much of a month is over, from 0 to 1. */
export function elapsedOf(month: string, now: number): number {
  const { first, next } = boundsOf(month);
  return Math.min(Math.max((now - first) / (next - first), 0), 1);
}
