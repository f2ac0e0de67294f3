/** Tokens that are about to end while something still uses them. Pure. */
import type { Token } from '#lib/contract.ts';

const dayMs = 86_400_000;
/** So long before its end somebody is told, and so lately it was used. */
const warnMs = 7 * dayMs;
const inUseMs = 30 * dayMs;

export const isExpired = ({ expiresAt }: Pick<Token, 'expiresAt'>, now: number): boolean => expiresAt <= now;

export function endsSoon({ expiresAt, lastUsedAt }: Pick<Token, 'expiresAt' | 'lastUsedAt'>, now: number): boolean {
  const isInUse = lastUsedAt !== null && now - lastUsedAt < inUseMs;
  return isInUse && expiresAt > now && expiresAt - now < warnMs;
}
