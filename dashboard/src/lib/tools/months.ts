/** Months of UTC as the gateway writes them: `2026-11`. */

export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

/** So many months later, or earlier with a minus. */
export function monthAfter(month: string, count: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number - 1 + count)).toISOString().slice(0, 7);
}

/** `November 2026`, in the words of the reader. */
export function monthWords(month: string, locale?: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  const format = new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric', timeZone: 'UTC' });
  return format.format(Date.UTC(year, number - 1));
}
