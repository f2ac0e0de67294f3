import { platformApi } from '#lib/api/platform.ts';
import type { IntegrationDetail } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('health'), changeKey('tiles'));
  const [{ components }, { tiles }] = await Promise.all([
    orErrorPage(platformApi.health),
    orErrorPage(platformApi.tiles),
  ]);
  const names = tiles.filter(({ kind }) => kind === 'integration').map(({ name }) => name);
  const details = await Promise.all(names.map((name) => orNothing(platformApi.integration(name))));
  return { components, integrations: details.filter((detail): detail is IntegrationDetail => detail !== undefined) };
};
