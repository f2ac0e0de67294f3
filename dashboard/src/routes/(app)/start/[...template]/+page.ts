import { plansApi } from '#lib/api/plans.ts';
import { servicesApi } from '#lib/api/services.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** One template, whose a service of it may be, and what there is already, so that a free name can be proposed. */
export const load: PageLoad = async ({ params }) => {
  const [template, { owners }, { services }] = await orErrorPage(() =>
    Promise.all([servicesApi.template(params.template), plansApi.mine(), servicesApi.list()]),
  );
  return { template, owners, services };
};
