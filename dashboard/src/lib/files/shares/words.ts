/** Shares in the words of people. */
import type { Share } from '#lib/contract.ts';

export type Party = { kind: 'user' | 'team' | 'guest'; name: string };

export function partyOf({ with: whom }: Pick<Share, 'with'>): Party {
  const [kind = '', name = ''] = whom.split(':');
  return { kind: kind === 'user' || kind === 'team' ? kind : 'guest', name };
}

export function partyWords(share: Pick<Share, 'with'>): string {
  const { kind, name } = partyOf(share);
  if (kind === 'guest') return 'Whoever has the link';
  return kind === 'team' ? `Team ${name}` : name;
}

/** What it lets somebody do. */
export const rightWords: Record<Share['right'], string> = {
  view: 'may look and download',
  edit: 'may change everything',
  upload: 'may hand files in, and sees none',
  open: 'may use it',
};

/** The same for a choice. */
export const rightChoices = {
  view: 'Look and download',
  edit: 'Change everything',
  upload: 'Hand files in, and see none',
} as const;

/** The name of what is shared: of all of an area, the area. */
export function thingName({ path, owner }: Pick<Share, 'path' | 'owner'>): string {
  return path === '' ? `All files of ${owner.title}` : (path.split('/').at(-1) ?? path);
}

/** How long it may last, in days; '' for no end. */
export const endChoices = [
  { value: '1', label: 'One day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '', label: 'Until it is ended' },
] as const;

export type EndChoice = (typeof endChoices)[number]['value'];
