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

export const AuditQuerySchema = closed({
  action: word('Exact action.'),
  person: word('Username: what this person did, and what was done to them.'),
  actor: word('Exact actor.'),
  subject: word('Exact subject.'),
  before: Type.Optional(Type.Integer({ minimum: 1, description: 'Only records with a smaller number: `nextBefore`.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: 'How many; 50 by default.' })),
});
export type AuditQuery = Static<typeof AuditQuerySchema>;

export const AuditPageSchema = closed({
  records: Type.Array(AuditRecordSchema, { description: 'Newest first.' }),
  nextBefore: Type.Union([Type.Integer(), Type.Null()], { description: 'For the next page; null on the last one.' }),
});
export type AuditPage = Static<typeof AuditPageSchema>;

export const AuditVerificationSchema = closed({
  isIntact: Type.Boolean(),
  count: Type.Integer({ description: 'How many records were checked.' }),
  brokenSeq: Type.Optional(Type.Integer({ description: 'The first record that does not fit.' })),
  message: Type.Optional(Type.String()),
});
export type AuditVerification = Static<typeof AuditVerificationSchema>;
