/** Areas of files in pictures and words. */
import Globe from '@lucide/svelte/icons/globe';
import Lock from '@lucide/svelte/icons/lock';
import Shield from '@lucide/svelte/icons/shield';
import UsersRound from '@lucide/svelte/icons/users-round';
import type { FileArea } from '#lib/contract.ts';
import type { Chip } from '#lib/ui/list/columns.ts';
import { urls } from '#lib/urls.ts';

export const pictureOf = ({ kind }: Pick<FileArea, 'kind'>): typeof Lock =>
  ({ private: Lock, shared: Globe, team: UsersRound, admin: Shield })[kind];

/** Whose it is and who can come in. */
export function areaWords({ kind, owner, canWrite }: Pick<FileArea, 'kind' | 'owner' | 'canWrite'>): string {
  const reading = canWrite ? '' : ' You may read it.';
  if (kind === 'private') return 'Yours alone.';
  if (kind === 'team') return `Of everybody in ${owner?.title ?? 'the team'}.${reading}`;
  return kind === 'shared' ? `Of everybody here.${reading}` : 'Of the admins.';
}

/** With fewer areas than this nobody needs to look for one. */
const manyAreas = 5;

/** Chips for whose areas are shown: mine, everybody's, those of each team; none where there are few. */
export function ownerChips(areas: readonly FileArea[], chosen: string | undefined): Chip[] {
  if (areas.length < manyAreas) return [];
  const chip = (label: string, owner: string | undefined): Chip => ({
    label,
    href: urls.files({ owner }),
    isChosen: chosen === owner,
  });
  const teams = areas.flatMap(({ owner }) => (owner?.kind === 'team' ? [chip(owner.title, owner.name)] : []));
  return [chip('All', undefined), chip('Mine', 'me'), ...teams];
}

/** Those of an owner: `me`, or the name of a team. */
export const areasOf = (areas: readonly FileArea[], owner: string | undefined): FileArea[] =>
  areas.filter((area) =>
    owner === undefined
      ? true
      : owner === 'me'
        ? area.kind === 'private'
        : area.owner?.kind === 'team' && area.owner.name === owner,
  );
