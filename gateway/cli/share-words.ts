import { type Invocation, UsageError } from './command.ts';

/** How long a share lasts, as commands say it and take it. */
export const untilWords = (at: number | null): string =>
  at === null ? 'without an end' : `until ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** `12h`, `2d`: in days. @throws UsageError */
export function daysIn(text: Invocation['options'][string]): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = (typeof text === 'string' ? /^(\d{1,4})([hd])$/.exec(text) : undefined) ?? [];
  if (number === undefined) throw new UsageError('--for is a number of hours or days: 12h, 7d');
  return unit === 'h' ? Number(number) / 24 : Number(number);
}

/** What was made: for a guest the link, which is told once. */
export function madeWords(
  what: string,
  whom: string,
  { share: { id, expiresAt }, url }: { share: { id: string; expiresAt: number | null }; url?: string },
): string {
  if (url === undefined) return `${what} is shared with ${whom} ${untilWords(expiresAt)} (id ${id}).`;
  return `${url}   (shown only now; ${untilWords(expiresAt)}, id ${id})`;
}

/** Who came last, in one cell of a table. */
export function cameWords([last]: readonly { name: string; lastAt: number }[]): string {
  return last === undefined ? 'nobody' : `${last.name} ${new Date(last.lastAt).toISOString()}`;
}
