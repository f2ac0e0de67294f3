import { isNewer } from '../lib/index.ts';

/** What is said of a tool that is older than what Knot was made for: to everybody, on its tile. */
export type Older = { message: string; remedy: string };

/**
 * Undefined where it is not older than `oldest`, and where what it says of itself is no version. Of what is built between releases
 * (`12.2.0-123`, `v2.13.0-abcdef`) the numbers count. `lacks`: what an older one cannot do, a sentence.
 */
export function olderThan(
  oldest: string,
  { title, version, lacks }: { title: string; version: unknown; lacks?: string },
): Older | undefined {
  const numbers =
    typeof version === 'string' ? /^v?(\d{1,9}(?:\.\d{1,9}){0,2})(?![\d.])/.exec(version)?.[1] : undefined;
  if (numbers === undefined || !isNewer(oldest, numbers)) return undefined;
  const message = `It is ${title} ${numbers}, and Knot was made for ${oldest} and later.`;
  return {
    message: lacks === undefined ? message : `${message} ${lacks}`,
    remedy: `An administrator upgrades ${title} to ${oldest} or later.`,
  };
}
