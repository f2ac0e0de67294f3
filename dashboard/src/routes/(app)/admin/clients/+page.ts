import { applicationsApi } from '#lib/api/applications.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('clients'));
  return orErrorPage(applicationsApi.list);
};
