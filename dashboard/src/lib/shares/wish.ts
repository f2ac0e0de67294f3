/** What somebody asks for when they let somebody in. */
import type { Share } from '#lib/contract.ts';
import { isLink } from '#lib/shares/words.ts';

/** `isForPeople`: a link works for whoever has it, and cannot give it. */
export type RightChoice<Right extends string> = { value: Right; label: string; isForPeople?: boolean };

export type Wish<Right extends string> = { with: string; right: Right; days?: number; bindsBrowser?: boolean };

/** How long it may last, in days; '' for no end. */
export const endChoices = [
  { value: '1', label: 'One day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '', label: 'Until it is ended' },
] as const;

export type EndChoice = (typeof endChoices)[number]['value'];

/** Those that a share may get instead of its own. A link always ends by itself. */
export const otherEndsOf = (share: Pick<Share, 'with' | 'expiresAt'>): (typeof endChoices)[number][] =>
  endChoices.filter(({ value }) => value !== '' || (!isLink(share) && share.expiresAt !== null));

export const daysOf = (end: EndChoice): number | undefined => (end === '' ? undefined : Number(end));

const dayMs = 86_400_000;
/** The clock of this machine may be ahead of the gateway's, which knows a longest time. */
const marginMs = 60_000;

/** When a share ends that ends in so many days from now; null for no end. */
export const expiryIn = (days: number | undefined): number | null =>
  days === undefined ? null : Date.now() + days * dayMs - marginMs;
