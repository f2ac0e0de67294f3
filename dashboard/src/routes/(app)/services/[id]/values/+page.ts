import { plansApi } from '#lib/api/plans.ts';
import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** The form of the version that it runs, and what it was made of before. */
export const load: PageLoad = async ({ params, depends }) => {
  depends(changeKey('services', params.id));
  const [form, { revisions }, { owners }] = await orErrorPage(() =>
    Promise.all([servicesApi.form(params.id), servicesApi.revisions(params.id), plansApi.mine()]),
  );
  return { form, revisions, owners };
};
