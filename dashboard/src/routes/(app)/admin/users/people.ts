/** The list of people: what it understands of an address, its columns and its filters. */
import type { User, UserPage } from '#lib/contract.ts';
import { userStates } from '#lib/states.ts';
import { urls } from '#lib/urls.ts';
import { addressAfter, type ListAddress, type ListShape } from '#lib/ui/list/address.ts';
import type { Chip, Column } from '#lib/ui/list/columns.ts';

export type PeopleFilter = 'state' | 'isAdmin' | 'team' | 'view';

export const shape: ListShape<PeopleFilter> = {
  sorts: ['name', 'email', 'state', 'createdAt', 'lastSignInAt'],
  filters: {
    state: ['pending', 'active', 'disabled'],
    isAdmin: ['true'],
    team: undefined,
    /** Those who have no account yet, instead of people. */
    view: ['invitations'],
  },
};

export const columns = [
  { key: 'name', title: 'Person', sort: 'name', place: 'main' },
  { key: 'email', title: 'E-mail', sort: 'email', place: 'second' },
  { key: 'state', title: 'State', sort: 'state', place: 'aside' },
  { key: 'teams', title: 'Teams', place: 'hidden' },
  { key: 'lastSignInAt', title: 'Last sign-in', sort: 'lastSignInAt', startsDescending: true, place: 'extra' },
] as const satisfies readonly Column[];

export function chipsOf(address: ListAddress<PeopleFilter>, counts: UserPage['counts'], invitations: number): Chip[] {
  const { state, isAdmin, view, team } = address.filters;
  const path = urls.users();
  const to = (filters: { [name in PeopleFilter]?: string | undefined }): string =>
    addressAfter(path, address, { filters: { state: undefined, isAdmin: undefined, view: undefined, ...filters } });
  const isPeople = view === undefined;
  return [
    {
      label: 'All',
      href: to({}),
      isChosen: isPeople && state === undefined && isAdmin === undefined,
      count: counts.pending + counts.active + counts.disabled,
    },
    ...(['pending', 'active', 'disabled'] as const satisfies readonly User['state'][]).map((value) => ({
      label: userStates[value].word,
      href: to({ state: value }),
      isChosen: isPeople && state === value,
      count: counts[value],
    })),
    { label: 'Admins', href: to({ isAdmin: 'true' }), isChosen: isPeople && isAdmin === 'true', count: counts.admin },
    ...(team === undefined ? [] : [{ label: `Only ${team} ✕`, href: to({ team: undefined }), isChosen: true }]),
    { label: 'Invitations', href: to({ view: 'invitations' }), isChosen: !isPeople, count: invitations },
  ];
}
