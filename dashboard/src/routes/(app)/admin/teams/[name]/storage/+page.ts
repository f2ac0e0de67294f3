import { changeKey } from '#lib/live/changes.ts';
import { loadStorage } from '#lib/plans/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, depends }) => {
  const { team } = await parent();
  depends(changeKey('plans', team.id));
  return { storage: await loadStorage(team.name) };
};
