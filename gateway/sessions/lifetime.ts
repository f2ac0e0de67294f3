import type { Session } from '../lib/index.ts';

/** `early`: it claims to have started later than now, so the clock was set back; refused until the clock is right again. */
export type Lifetime = 'alive' | 'idle' | 'expired' | 'early';

/** How far the clocks of two replicas may differ. */
const skewMs = 5 * 60 * 1000;

/** Judges a session by the clock. `lastSeenAt` is that of the whole sign-in, whichever host was used. */
export function lifetimeOf(session: Session, lastSeenAt: number, now: number, idleMs: number): Lifetime {
  if (now >= session.expiresAt) return 'expired';
  if (now - lastSeenAt >= idleMs) return 'idle';
  if (session.startedAt - now > skewMs) return 'early';
  return 'alive';
}
