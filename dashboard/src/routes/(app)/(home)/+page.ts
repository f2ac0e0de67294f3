import { platformApi } from '#lib/api/platform.ts';
import { servicesApi } from '#lib/api/services.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** The tools, and what could be started. */
export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('tiles'));
  const [{ tiles }, catalogue] = await Promise.all([
    orErrorPage(platformApi.tiles),
    orNothing(servicesApi.templates()),
  ]);
  return { tiles, templates: catalogue?.templates ?? [] };
};
