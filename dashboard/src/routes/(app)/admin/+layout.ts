import { platformApi } from '#lib/api/platform.ts';
import { orErrorPage } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

/** Who may not administer gets the refusal of the API: which rule decided, and an id to quote. */
export const load: LayoutLoad = async ({ parent }) => {
  const { me } = await parent();
  if (!me.canAdminister) await orErrorPage(platformApi.health);
};
