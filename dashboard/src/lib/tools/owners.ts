/** Whose is shown: mine, or of a team that I am in. */
import type { Me } from '#lib/contract.ts';
import type { Chip } from '#lib/ui/list/columns.ts';

export function ownerChips(
  { user }: Pick<Me, 'user'>,
  shown: string | undefined,
  hrefOf: (owner: string | undefined) => string,
): Chip[] {
  if (user.teams.length === 0) return [];
  return [
    { label: 'Mine', href: hrefOf(undefined), isChosen: shown === undefined },
    ...user.teams.map(({ name }) => ({ label: name, href: hrefOf(name), isChosen: shown === name })),
  ];
}
