import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

export const AuditRecordSchema = closed({
  seq: Type.Integer(),
  at: TimeSchema,
  action: Type.String({ description: 'For example: session.started, user.approved, policy.loaded.' }),
  actor: Type.String(),
  subject: Type.String(),
  outcome: oneOf('done', 'refused'),
  address: Type.Optional(Type.String()),
  detail: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
  ),
  hash: Type.String(),
});
export type AuditRecord = Static<typeof AuditRecordSchema>;

const word = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }));

const time = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000, description }));

const filter = {
  action: word('Exact kind of act.'),
  person: word(
    'A name in any place and any letter case: who acted, what was acted on, who is named in an act on a team.',
  ),
  actor: word('Exact actor.'),
  subject: word('Exact subject.'),
  from: time('From this time on, in milliseconds since 1970-01-01T00:00:00Z.'),
  to: time('Before this time.'),
};

/** Which records, for the list and for the file alike. */
export const AuditFilterSchema = closed(filter);
export type AuditFilter = Static<typeof AuditFilterSchema>;

export const AuditQuerySchema = closed({
  ...filter,
  before: Type.Optional(Type.Integer({ minimum: 1, description: 'Only what comes after this record: `nextBefore`.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'How many; 50 by default.' })),
});
export type AuditQuery = Static<typeof AuditQuerySchema>;

export const AuditPageSchema = closed({
  records: Type.Array(AuditRecordSchema, { description: 'Newest first.' }),
  nextBefore: Type.Union([Type.Integer(), Type.Null()], { description: 'For the next page; null on the last one.' }),
  counts: Type.Array(closed({ action: Type.String(), count: Type.Integer(), isMore: Type.Boolean() }), {
    description:
      'How many records of each kind of act fit the rest of the filter, whatever `action` asks for. `isMore`: there are more, ' +
      'counting ends at 1,000.',
  }),
});
export type AuditPage = Static<typeof AuditPageSchema>;

export const AuditVerificationSchema = closed({
  isIntact: Type.Boolean(),
  count: Type.Integer({ description: 'How many records were checked.' }),
  brokenSeq: Type.Optional(Type.Integer({ description: 'The first record that does not fit.' })),
  message: Type.Optional(Type.String()),
});
export type AuditVerification = Static<typeof AuditVerificationSchema>;
