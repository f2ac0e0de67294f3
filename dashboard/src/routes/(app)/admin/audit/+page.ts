import { auditApi } from '#lib/api/audit.ts';
import type { AuditQuery } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('audit'));
  const filter: AuditQuery = {};
  for (const name of ['action', 'person', 'actor', 'subject'] as const) {
    const value = url.searchParams.get(name);
    if (value) filter[name] = value;
  }
  const before = Math.trunc(Number(url.searchParams.get('before')));
  const query: AuditQuery = { ...filter, limit: 40, ...(before > 0 ? { before } : {}) };
  const records = await orErrorPage(() => auditApi.list(query));
  return { ...records, filter, isFirstPage: !(before > 0) };
};
