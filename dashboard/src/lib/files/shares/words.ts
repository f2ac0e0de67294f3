/** Shares in the words of people. */
import type { Share } from '#lib/contract.ts';
import type { RightChoice } from '#lib/shares/wish.ts';

/** What it lets somebody do. */
export const rightWords: Record<Share['right'], string> = {
  view: 'may look and download',
  edit: 'may change everything',
  upload: 'may hand files in, and sees none',
  open: 'may use it',
};

/** The same for a choice. Files are handed into a folder. */
export const rightsFor = (kind: 'folder' | 'file'): RightChoice<'view' | 'edit' | 'upload'>[] => [
  { value: 'view', label: 'Look and download' },
  { value: 'edit', label: 'Change everything', isForPeople: true },
  ...(kind === 'folder' ? [{ value: 'upload', label: 'Hand files in, and see none' } as const] : []),
];

/** The name of what is shared: of all of an area, the area. */
export function thingName({ path, owner }: Pick<Share, 'path' | 'owner'>): string {
  return path === '' ? `All files of ${owner.title}` : (path.split('/').at(-1) ?? path);
}
