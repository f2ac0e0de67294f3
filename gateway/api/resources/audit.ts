import { Type } from 'typebox';
import { dayOf, knotError } from '../../lib/index.ts';
import { auditFile } from '../audit-file.ts';
import type { Needs, ApiServer } from '../context.ts';
import { AuditFilterSchema, AuditPageSchema, AuditQuerySchema, AuditVerificationSchema } from '../contract.ts';
import { followAnswer } from '../open-streams.ts';
import { answers, describe } from './describe.ts';

const tag = 'Audit';
const defaultLimit = 50;
/** Each reads the whole ledger, however long it is. */
const mostFiles = 2;

const csv: Record<number, unknown> = {
  200: { description: 'Comma-separated values.', content: { 'text/csv': { schema: Type.String() } } },
};

export function auditRoutes(
  app: ApiServer,
  context: Needs<'audit' | 'clock' | 'decideAdminister' | 'live' | 'sessions' | 'accounts' | 'publicAddress'>,
): void {
  const { audit, clock, decideAdminister } = context;
  let files = 0;

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
      return {
        records,
        nextBefore: found.length > limit ? (records.at(-1)?.seq ?? null) : null,
        counts: await audit.counts(filter),
      };
    },
  );

  app.get(
    '/audit.csv',
    describe('admin', tag, 'The same records as a file (RFC 4180), newest first', {
      querystring: AuditFilterSchema,
      response: csv,
    }),
    async (request, reply) => {
      if (files >= mostFiles) {
        throw knotError('KNOT_API_TOO_MANY_FILES', 429, 'The audit record is being written to other files just now.', {
          remedy: 'Wait for those, or narrow the filter and page through the list.',
          headers: { 'retry-after': '10' },
        });
      }
      files += 1;
      const file = auditFile(audit, request.query);
      file.once('close', () => (files -= 1));
      followAnswer(context, request, reply, 'download', (now) => decideAdminister(request, now).effect === 'allow');
      return reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', `attachment; filename="knot-audit-${dayOf(clock.now())}.csv"`)
        .header('cache-control', 'no-store')
        .send(file);
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
