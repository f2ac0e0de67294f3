import type { Redemption } from '../../../gateway/sessions/index.ts';

/** What a code began; fails when it began nothing. */
export function started(redemption: Redemption): Extract<Redemption, { kind: 'started' }> {
  if (redemption.kind !== 'started') throw new Error(`the code began no session: ${JSON.stringify(redemption)}`);
  return redemption;
}
