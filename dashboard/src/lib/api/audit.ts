/** Questions about what was done, by whom, to whom. */
import { request } from '#lib/api/request.ts';
import type { AuditPage, AuditQuery, AuditVerification } from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

export const auditApi = {
  list: (query: AuditQuery) => request<AuditPage>('GET', withQuery('/audit', query)),
  verify: () => request<AuditVerification>('GET', '/audit/verification'),
};
