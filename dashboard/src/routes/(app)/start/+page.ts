import { servicesApi } from '#lib/api/services.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** What can be started. */
export const load: PageLoad = async ({ url }) => {
  const { templates } = await orErrorPage(() => servicesApi.templates());
  const q = url.searchParams.get('q') ?? undefined;
  const category = url.searchParams.get('category') ?? undefined;
  return { templates, query: { q, category } };
};
