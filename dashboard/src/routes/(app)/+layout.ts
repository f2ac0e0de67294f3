import { followAttention } from '#lib/attention.svelte.ts';
import { platformApi } from '#lib/api/platform.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ depends }) => {
  const me = await orErrorPage(platformApi.me);
  // What this person may do follows from their account, and for who administers from the policies as well.
  depends(changeKey('users', me.user.id), changeKey('policies'));
  await followAttention(me.canAdminister);
  return { me };
};
