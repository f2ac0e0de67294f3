/** The list of owners: what it understands of an address, its columns and its filters. */
import type { OwnerPlanPage } from '#lib/contract.ts';
import { urls } from '#lib/urls.ts';
import { addressAfter, type ListAddress, type ListShape } from '#lib/ui/list/address.ts';
import type { Chip, Column } from '#lib/ui/list/columns.ts';

export type OwnerFilter = 'kind' | 'plan' | 'isOver';

export const shape: ListShape<OwnerFilter> = {
  sorts: ['name', 'bytes', 'plan'],
  filters: { kind: ['user', 'team'], plan: undefined, isOver: ['true'] },
};

export const columns = [
  { key: 'name', title: 'Owner', sort: 'name', place: 'main' },
  { key: 'plan', title: 'Plan', sort: 'plan', place: 'aside' },
  { key: 'bytes', title: 'Files', sort: 'bytes', startsDescending: true, place: 'extra' },
  { key: 'held', title: 'Services', place: 'second' },
] as const satisfies readonly Column[];

export function chipsOf(address: ListAddress<OwnerFilter>, counts: OwnerPlanPage['counts']): Chip[] {
  const { kind, isOver, plan } = address.filters;
  const to = (filters: { [name in OwnerFilter]?: string | undefined }): string =>
    addressAfter(urls.plans(), address, { filters: { kind: undefined, isOver: undefined, ...filters } });
  const isAny = kind === undefined && isOver === undefined;
  return [
    { label: 'All', href: to({}), isChosen: isAny, ...(isOver ? {} : { count: counts.user + counts.team }) },
    {
      label: 'Over their plan',
      href: to({ isOver: 'true' }),
      isChosen: isOver !== undefined,
      ...(kind ? {} : { count: counts.over }),
    },
    {
      label: 'People',
      href: to({ kind: 'user' }),
      isChosen: kind === 'user',
      ...(isOver ? {} : { count: counts.user }),
    },
    {
      label: 'Teams',
      href: to({ kind: 'team' }),
      isChosen: kind === 'team',
      ...(isOver ? {} : { count: counts.team }),
    },
    ...(plan === undefined ? [] : [{ label: `Only ${plan} ✕`, href: to({ plan: undefined }), isChosen: true }]),
  ];
}
