/** Whom something is shared with, in the words of people. */
import type { Share } from '#lib/contract.ts';

/** `guest`: whoever has the link. */
export type Party = { kind: 'user' | 'team' | 'guest'; name: string };

type With = Pick<Share, 'with'>;

export function partyOf({ with: whom }: With): Party {
  const [kind = '', name = ''] = whom.split(':');
  return { kind: kind === 'user' || kind === 'team' ? kind : 'guest', name };
}

export const isLink = (share: With): boolean => partyOf(share).kind === 'guest';

export function partyWords(share: With): string {
  const { kind, name } = partyOf(share);
  if (kind === 'guest') return 'Whoever has the link';
  return kind === 'team' ? `Team ${name}` : name;
}

/** What is said of a share of `what` that ended. A link does not come back, and its notice says so. */
export const endedWords = (share: With, what: string): string =>
  isLink(share)
    ? `The link to ${what} is dead. It cannot be brought back; make a new one if it is needed again.`
    : `${what} is not shared with ${partyWords(share)} any more.`;
