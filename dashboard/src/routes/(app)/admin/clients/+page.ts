import { applicationsApi } from '#lib/api/applications.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(topicKey('clients'));
  return orErrorPage(applicationsApi.list);
};
