import type { Clock } from '../../lib/index.ts';
import { refusal } from './refusals.ts';

const keptMs = 60_000;
/** Who gives up more within a minute than that finds room promised that is free again when it expires. */
const most = 10_000;

export type GivenUp = { note(id: string): void; has(id: string): boolean };

/**
 * Uploads that were given up before this gateway had heard of them: the question that begins one is still on its way, or is waiting for the
 * store. Its id is known before (decision 0043); ids cannot be guessed.
 */
export function createGivenUp({ now }: Clock): GivenUp {
  const until = new Map<string, number>();
  return {
    note(id) {
      until.delete(id);
      until.set(id, now() + keptMs);
      for (const [known, end] of until) {
        if (end > now() && until.size <= most) break;
        until.delete(known);
      }
    },
    has: (id) => (until.get(id) ?? 0) > now(),
  };
}

/** RFC 9110 section 15.5.11. */
export const wasGivenUp = (): Error => refusal({ status_code: 410, body: 'This upload was given up.\n' });
