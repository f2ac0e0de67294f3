import type { Route } from '../routes/index.ts';

/**
 * How what a tool keeps of a sign-in of its own ends with that at Knot, for the next person in the same browser and at once:
 *
 * - `withheld`: its cookie reaches neither the tool nor the browser, so that there is none; each request says who asks.
 * - `tied`: its cookie is worth something only in the session at Knot in which the tool gave it (decision 0079).
 * - `compared`: the tool itself compares it with whom Knot names beside it, by the settings that Knot gives it.
 */
export type OwnSession = { cookie: string; ends: 'withheld' | 'tied' | 'compared' };

/**
 * The same as what the forward path does. `more`: what else no client may tell the tool, fields in lower case and cookies.
 */
export function endedWithOurs(
  sessions: readonly OwnSession[],
  more: { headers?: readonly string[]; cookies?: readonly string[] } = {},
): Pick<Route['switches'], 'ownSignIn' | 'withheld'> {
  const named = (ends: OwnSession['ends']): string[] =>
    sessions.filter((session) => session.ends === ends).map(({ cookie }) => cookie);
  const tied = named('tied');
  const headers = more.headers ?? [];
  const cookies = [...named('withheld').map((cookie) => cookie.toLowerCase()), ...(more.cookies ?? [])];
  return {
    ...(tied.length > 0 && { ownSignIn: tied }),
    ...(headers.length + cookies.length > 0 && { withheld: { headers, cookies } }),
  };
}
