import type { ApiContext, ApiServer } from '../context.ts';
import { AuditPageSchema, AuditQuerySchema, AuditVerificationSchema } from '../contract.ts';
import { answers, describe } from './describe.ts';

const tag = 'Audit';
const defaultLimit = 50;

export function auditRoutes(app: ApiServer, { audit }: ApiContext): void {
  app.get(
    '/audit',
    describe('admin', tag, 'Who did what, newest first', {
      querystring: AuditQuerySchema,
      response: answers(200, AuditPageSchema),
    }),
    async ({ query: { before, limit = defaultLimit, ...filter } }) => {
      // One more than asked for tells whether there is a next page.
      const found = await audit.list({
        ...filter,
        ...(before === undefined ? {} : { beforeSeq: before }),
        limit: limit + 1,
      });
      const records = found.slice(0, limit);
      return { records, nextBefore: found.length > limit ? (records.at(-1)?.seq ?? null) : null };
    },
  );

  app.get(
    '/audit/verification',
    describe('admin', tag, 'Recompute the chain and name the first record that does not fit', {
      response: answers(200, AuditVerificationSchema),
    }),
    () => audit.verify(),
  );
}
