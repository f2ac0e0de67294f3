/** The list of places: what it understands of an address, its columns, filters and acts, and which rows an address shows. */
import RefreshCw from '@lucide/svelte/icons/refresh-cw';
import { placesApi } from '#lib/api/places.ts';
import type { Place } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { placeStates } from '#lib/places/words.ts';
import { urls } from '#lib/urls.ts';
import { addressAfter, type ListAddress, type ListShape } from '#lib/ui/list/address.ts';
import type { Act, Chip, Column } from '#lib/ui/list/columns.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted } from '#lib/words.ts';

type PlaceFilter = 'state';
type Address = ListAddress<PlaceFilter>;

/** What needs somebody first. */
const order = ['failed', 'making', 'leaving', 'paused', 'ready'] as const satisfies readonly Place['state'][];

export const shape: ListShape<PlaceFilter> = { sorts: ['name', 'since'], filters: { state: order } };

export const columns = [
  { key: 'name', title: 'Owner', sort: 'name', place: 'main' },
  { key: 'state', title: 'State', place: 'aside' },
  { key: 'namespace', title: 'Namespace', place: 'hidden' },
  { key: 'cause', title: 'What is in the way', place: 'second' },
  { key: 'since', title: 'Since', sort: 'since', startsDescending: true, place: 'extra' },
] as const satisfies readonly Column[];

const searched = (places: readonly Place[], q: string): Place[] =>
  places.filter(({ name, namespace }) => `${name} ${namespace}`.includes(q.toLowerCase()));

/** Those that an address asks for; without an order of its own those first that need somebody. */
export function rowsOf(places: readonly Place[], { q, sort, filters }: Address): Place[] {
  const rows = searched(places, q).filter(({ state }) => filters.state === undefined || state === filters.state);
  const byName = (a: Place, b: Place): number => a.name.localeCompare(b.name);
  switch (sort) {
    case 'name':
      return rows.sort(byName);
    case '-name':
      return rows.sort((a, b) => byName(b, a));
    case 'since':
      return rows.sort((a, b) => a.since - b.since);
    case '-since':
      return rows.sort((a, b) => b.since - a.since);
    default:
      return rows.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || byName(a, b));
  }
}

export function chipsOf(places: readonly Place[], address: Address): Chip[] {
  const found = searched(places, address.q);
  const { state: chosen } = address.filters;
  const to = (state: Place['state'] | undefined): string =>
    addressAfter(urls.places(), address, { filters: { state } });
  return [
    { label: 'All', href: to(undefined), isChosen: chosen === undefined, count: found.length },
    ...order
      .map((state) => ({
        label: placeStates[state].word,
        href: to(state),
        isChosen: chosen === state,
        count: found.filter((place) => place.state === state).length,
      }))
      .filter(({ count, isChosen }) => count > 0 || isChosen),
  ];
}

export const acts: Act<Place>[] = [
  {
    label: 'Look again',
    icon: RefreshCw,
    fits: () => true,
    act: (rows) =>
      performOnAll({
        rows,
        nameOf: ({ name }) => name,
        run: ({ kind, name }) => placesApi.run(kind, name),
        done: (asked) => `${counted(asked.length, 'place is', 'places are')} being looked at.`,
        refresh: () => refresh({ topic: 'places' }),
      }),
  },
];
