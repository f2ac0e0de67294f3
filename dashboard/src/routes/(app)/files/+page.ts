import { filesApi } from '#lib/api/files.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ depends }) => {
  depends(changeKey('users'), changeKey('areas'));
  return { list: await orErrorPage(filesApi.areas) };
};
