const defaultLimit = 50;

type Column<S extends string> = S extends `-${infer C}` ? C : S;

/** What one page of a list is (contract: `listQuery`), in the words of the modules that answer. */
export function pageOf<S extends string = never>({
  page = 1,
  limit = defaultLimit,
  sort,
  q,
}: {
  page?: number | undefined;
  limit?: number | undefined;
  sort?: S | undefined;
  q?: string | undefined;
}): { limit: number; offset: number; search?: string; sort?: { by: Column<S>; isDescending: boolean } } {
  const isDescending = sort?.startsWith('-') === true;
  return {
    limit,
    offset: (page - 1) * limit,
    ...(q === undefined ? {} : { search: q }),
    ...(sort === undefined ? {} : { sort: { by: (isDescending ? sort.slice(1) : sort) as Column<S>, isDescending } }),
  };
}
