import { filesApi } from '#lib/api/files.ts';
import { tokensApi } from '#lib/api/tokens.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage, orNothing } from '#lib/load.ts';
import type { PageLoad } from './$types';

/** My tokens, and the areas that a new one can be for. */
export const load: PageLoad = async ({ depends, parent }) => {
  const { me } = await parent();
  depends(changeKey('sessions', me.user.id), changeKey('users', me.user.id));
  const [{ tokens }, list] = await Promise.all([orErrorPage(tokensApi.list), orNothing(filesApi.areas())]);
  return { tokens, areas: list?.areas ?? [] };
};
