import { error } from '@sveltejs/kit';
import { sharesApi } from '#lib/api/shares.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import { problemOf } from '#lib/problem.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ params, depends }) => {
  depends(changeKey('shares'), changeKey('users'));
  const { received } = await orErrorPage(() => sharesApi.list());
  const share = received.find(({ id }) => id === params.id);
  if (!share) error(404, problemOf(404, { message: 'This is not shared with you, or not any more.' }));
  return { share };
};
