import type { Test } from 'tap';
import { eventually } from '../eventually.ts';

/**
 * Asserts what a page shows, once it shows it: a browser draws when it has the time. What must not be there is asked for at once, by tap's
 * own assertions: it might be there and go.
 */
export async function shows<Found>(
  t: Pick<Test, 'equal' | 'match'>,
  look: () => Promise<Found>,
  wanted: Found | RegExp,
  message = 'what it shows',
): Promise<void> {
  const fits = (found: Found) => (wanted instanceof RegExp ? wanted.test(String(found)) : found === wanted);
  let found = await look();
  await eventually('it shows', async () => fits(found) || fits((found = await look()))).catch(() => undefined);
  if (wanted instanceof RegExp) t.match(found, wanted, message);
  else t.equal(found, wanted, message);
}
