import { error } from '@sveltejs/kit';
import { problemOf } from '#lib/problem.ts';
import type { LayoutLoad } from './$types';

export const load: LayoutLoad = async ({ parent }) => {
  const { me } = await parent();
  if (!me.canAdminister) {
    const words = { message: 'Only admins see this page', remedy: 'Ask an admin of this platform if you need it.' };
    error(403, problemOf(403, words));
  }
};
