/** What a list shows, as it stands in the address: what is searched, how it is sorted, which page, which filters. */
import { withQuery } from '#lib/urls.ts';

export type ListAddress<F extends string = string> = {
  q: string;
  /** A column, with `-` in front for the other direction; undefined for the list's own order. */
  sort: string | undefined;
  page: number;
  filters: Partial<Record<F, string>>;
};

/** What a list understands; anything else in an address is as if it were not there. */
export type ListShape<F extends string = string> = {
  sorts: readonly string[];
  /** Of each filter the values it may have; none: any text. */
  filters: Record<F, readonly string[] | undefined>;
};

export function readAddress<F extends string>(
  parameters: Pick<URLSearchParams, 'get'>,
  shape: ListShape<F>,
): ListAddress<F> {
  const sort = parameters.get('sort') ?? '';
  const filters: Partial<Record<F, string>> = {};
  for (const [name, values] of Object.entries(shape.filters) as [F, readonly string[] | undefined][]) {
    const value = parameters.get(name);
    if (value && (!values || values.includes(value))) filters[name] = value;
  }
  return {
    q: (parameters.get('q') ?? '').trim().slice(0, 200),
    sort: shape.sorts.includes(sort.replace(/^-/, '')) ? sort : undefined,
    page: Math.min(100_000, Math.max(1, Math.trunc(Number(parameters.get('page'))) || 1)),
    filters,
  };
}

type ListChange<F extends string = string> = {
  q?: string;
  sort?: string | undefined;
  page?: number;
  filters?: { [name in F]?: string | undefined };
};

/** The address after a change. What is found anew begins at its first page. */
export function addressAfter<F extends string>(path: string, address: ListAddress<F>, change: ListChange<F>): string {
  const { q, sort, page, filters } = { ...address, page: 1, ...change };
  return withQuery(path, { q, ...address.filters, ...filters, sort, page: page === 1 ? undefined : page });
}

/** What a press on the header of a column asks for: its own direction first, then the other one. */
export function nextSort(present: string | undefined, sort: string, startsDescending = false): string {
  const [first, second] = startsDescending ? [`-${sort}`, sort] : [sort, `-${sort}`];
  return present === first ? second : first;
}

/** Pages to offer around the present one, with a gap (0) where some are left out: `1 0 4 5 6 0 11`. */
export function pagesAround(page: number, last: number): number[] {
  const shown = [...new Set([1, page - 1, page, page + 1, last])].filter((number) => number >= 1 && number <= last);
  return shown.flatMap((number, index) => {
    const gap = number - (shown[index - 1] ?? number - 1);
    return gap === 2 ? [number - 1, number] : gap > 2 ? [0, number] : [number];
  });
}
