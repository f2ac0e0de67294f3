/** The list of services: what it understands of an address, its columns and filters, and which rows an address shows. */
import type { Service } from '#lib/contract.ts';
import { isComing, isWanted, shownState } from '#lib/services/states.ts';
import { urls } from '#lib/urls.ts';
import { addressAfter, type ListAddress, type ListShape } from '#lib/ui/list/address.ts';
import type { Chip, Column } from '#lib/ui/list/columns.ts';

type ServiceFilter = 'owner' | 'state' | 'template';

const groups = {
  running: 'Running',
  starting: 'Starting',
  asleep: 'Asleep',
  failed: 'Failed',
  stopped: 'Stopped',
} as const;
type Group = keyof typeof groups;

/** Stands for the services of all people and teams, for whom may see them. */
export const everybody = '*';

export const shape: ListShape<ServiceFilter> = {
  sorts: ['name', 'state', 'owner', 'since'],
  filters: { owner: undefined, state: Object.keys(groups), template: undefined },
};

export const columns = [
  { key: 'name', title: 'Service', sort: 'name', place: 'main' },
  { key: 'state', title: 'State', sort: 'state', place: 'aside' },
  { key: 'owner', title: 'Owner', sort: 'owner', place: 'second' },
  { key: 'address', title: 'Address', place: 'hidden' },
  { key: 'since', title: 'Since', sort: 'since', startsDescending: true, place: 'extra' },
] as const satisfies readonly Column[];

type Address = ListAddress<ServiceFilter>;

/** Under which filter a service is found. */
function groupOf(service: Pick<Service, 'state' | 'wish'>): Group {
  const { state, wish } = service;
  if (!isWanted(service)) return 'stopped';
  if (state === 'failed') return 'failed';
  if (isComing(service)) return 'starting';
  return wish === 'asleep' ? 'asleep' : 'running';
}

/** Whose it is, in one word of an address. */
const ownerOf = ({ owner }: Service): string => owner.name;

/** What a search looks through. */
const wordsOf = ({ name, owner, template, url }: Service): string =>
  `${name} ${owner.name} ${template.title} ${new URL(url).host}`.toLowerCase();

/** Those with each word of the search somewhere in what is said of them. */
function searched(services: readonly Service[], q: string): readonly Service[] {
  if (q === '') return services;
  const words = q.toLowerCase().split(/\s+/);
  return services.filter((service) => {
    const text = wordsOf(service);
    return words.every((word) => text.includes(word));
  });
}

function fits(service: Service, { filters }: Address, besides?: ServiceFilter): boolean {
  const { owner, state, template } = filters;
  return (
    (besides === 'owner' || owner === undefined || owner === everybody || ownerOf(service) === owner) &&
    (besides === 'state' || state === undefined || groupOf(service) === state) &&
    (besides === 'template' || template === undefined || service.template.id === template)
  );
}

const order: Record<string, (a: Service, b: Service) => number> = {
  name: (a, b) => a.name.localeCompare(b.name) || ownerOf(a).localeCompare(ownerOf(b)),
  state: (a, b) => shownState(a).word.localeCompare(shownState(b).word),
  owner: (a, b) => ownerOf(a).localeCompare(ownerOf(b)) || a.name.localeCompare(b.name),
  since: (a, b) => a.since - b.since,
};

/** Those that an address asks for; without an order of its own the newest first, as they come. */
export function rowsOf(services: readonly Service[], address: Address): Service[] {
  const rows = searched(services, address.q).filter((service) => fits(service, address));
  const { sort } = address;
  const compare = sort === undefined ? undefined : order[sort.replace(/^-/, '')];
  if (!compare) return rows;
  return rows.sort((a, b) => (sort?.startsWith('-') ? compare(b, a) : compare(a, b)));
}

/** Filters with what each would show, counted over what the other filters leave. A filter that divides nothing is not offered. */
export function chipsOf(
  services: readonly Service[],
  address: Address,
  { ownName, maySeeAll }: { ownName: string; maySeeAll: boolean },
): Chip[] {
  const path = urls.services();
  const { state, template, owner } = address.filters;
  const to = (filters: { [name in ServiceFilter]?: string | undefined }): string =>
    addressAfter(path, address, { filters });
  const found = searched(services, address.q);
  const counted = (besides: ServiceFilter): Service[] => found.filter((one) => fits(one, address, besides));
  const states = counted('state');
  const templates = counted('template');
  const ofOwners = counted('owner');
  const owners =
    owner === everybody ? new Map<string, string>() : new Map(services.map((one) => [ownerOf(one), one.owner.kind]));
  const titles = new Map(services.map((service) => [service.template.id, service.template.title]));
  return [
    { label: 'All', href: to({ state: undefined }), isChosen: state === undefined, count: states.length },
    ...(Object.keys(groups) as Group[])
      .map((group) => ({
        label: groups[group],
        href: to({ state: group }),
        isChosen: state === group,
        count: states.filter((service) => groupOf(service) === group).length,
      }))
      .filter(({ count, isChosen }) => count > 0 || isChosen),
    ...(owners.size < 2 && owner === undefined
      ? []
      : [...owners].map(([name, kind]) => ({
          label: name === ownName ? 'Mine' : kind === 'team' ? `Team ${name}` : `Of ${name}`,
          href: to({ owner: owner === name ? undefined : name }),
          isChosen: owner === name,
          count: ofOwners.filter((service) => ownerOf(service) === name).length,
        }))),
    ...(titles.size < 2 && template === undefined
      ? []
      : [...titles].map(([id, title]) => ({
          label: title,
          href: to({ template: template === id ? undefined : id }),
          isChosen: template === id,
          count: templates.filter((service) => service.template.id === id).length,
        }))),
    ...(maySeeAll
      ? [
          {
            label: "Everybody's",
            href: to({ owner: owner === everybody ? undefined : everybody }),
            isChosen: owner === everybody,
          },
        ]
      : []),
  ];
}
