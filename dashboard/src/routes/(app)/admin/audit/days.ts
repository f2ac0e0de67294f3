/** Days of the reader's own calendar as moments, and back: what a date field holds is `2026-11-29`. */

/** The first moment of a day, or of the day after it; undefined for what is no day. */
export function momentOf(day: string, { isEnd = false } = {}): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day);
  if (!match) return undefined;
  const [year, month, date] = match.slice(1).map(Number) as [number, number, number];
  const at = new Date(year, month - 1, date + (isEnd ? 1 : 0)).getTime();
  return at > 0 ? at : undefined;
}

/** The day a moment lies in; for the end of a range, the last day that belongs to it. */
export function dayOf(at: number | undefined, { isEnd = false } = {}): string {
  if (at === undefined) return '';
  const date = new Date(at - (isEnd ? 1 : 0));
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `2026-11-29 07:00:12 +01:00`: exact, sortable, and saying in which zone. */
export function stampOf(at: number): string {
  const date = new Date(at);
  const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
  return `${dayOf(at)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}
