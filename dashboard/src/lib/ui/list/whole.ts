/** A list whose rows are all here: the page of them that an address shows, and how it goes on. */
import { addressAfter, type ListAddress } from './address.ts';
import type { Paging } from './columns.ts';

export function pageOfAll<T, F extends string>(
  all: readonly T[],
  { path, address, pageSize }: { path: string; address: ListAddress<F>; pageSize: number },
): { rows: readonly T[]; paging: Paging } {
  const { page } = address;
  const hrefOf = (number: number): string => addressAfter(path, address, { page: number });
  return {
    rows: all.slice((page - 1) * pageSize, page * pageSize),
    paging: { page, pageSize, total: all.length, hrefOf },
  };
}
