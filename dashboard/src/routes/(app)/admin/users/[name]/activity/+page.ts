import { auditApi } from '#lib/api/audit.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ parent, depends }) => {
  depends(changeKey('audit'));
  const { user } = await parent();
  return orErrorPage(() => auditApi.list({ person: user.username, limit: 20 }));
};
