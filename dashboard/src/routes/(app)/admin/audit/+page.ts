import { auditApi } from '#lib/api/audit.ts';
import type { AuditFilter } from '#lib/contract.ts';
import { changeKey } from '#lib/live/changes.ts';
import { orErrorPage } from '#lib/load.ts';
import type { PageLoad } from './$types';

export const load: PageLoad = async ({ url, depends }) => {
  depends(changeKey('audit'));
  const filter: AuditFilter = {};
  for (const name of ['action', 'person', 'actor', 'subject'] as const) {
    const value = url.searchParams.get(name)?.trim().slice(0, 200);
    if (value) filter[name] = value;
  }
  for (const name of ['from', 'to'] as const) {
    const value = Math.trunc(Number(url.searchParams.get(name)));
    if (value > 0 && value <= 8_640_000_000_000_000) filter[name] = value;
  }
  const before = Math.trunc(Number(url.searchParams.get('before')));
  const page = await orErrorPage(() => auditApi.list({ ...filter, limit: 40, ...(before > 0 ? { before } : {}) }));
  return { ...page, filter, isFirstPage: !(before > 0) };
};
