import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';

export const PolicyProblemSchema = closed({
  file: Type.String(),
  line: Type.Integer({ description: '1-based; 0 when the whole file is meant.' }),
  column: Type.Integer(),
  severity: oneOf('error', 'warning'),
  kind: oneOf('syntax', 'schema', 'case', 'file'),
  message: Type.String(),
  help: Type.Optional(Type.String()),
});
export type PolicyProblem = Static<typeof PolicyProblemSchema>;

export const PolicyFileSchema = closed({
  name: Type.String(),
  text: Type.String(),
  modifiedAt: TimeSchema,
  rules: Type.Integer({ description: 'How many rules the file holds.' }),
});
export type PolicyFile = Static<typeof PolicyFileSchema>;

export const PoliciesSchema = closed({
  version: Type.String({ description: 'Short hash of the set in force.' }),
  loadedAt: TimeSchema,
  isCurrent: Type.Boolean({ description: 'False while the files on disk are not the set in force.' }),
  files: Type.Array(PolicyFileSchema),
  problems: Type.Array(PolicyProblemSchema),
  casesPassed: Type.Integer({ description: 'Cases that the set in force has passed.' }),
});
export type Policies = Static<typeof PoliciesSchema>;

export const RuleReferenceSchema = closed({
  rule: Type.String(),
  file: Type.String(),
  line: Type.Integer(),
  effect: oneOf('permit', 'forbid'),
});
export type RuleReference = Static<typeof RuleReferenceSchema>;

export const ExplanationQuestionSchema = closed({
  as: Type.String({ minLength: 1, maxLength: 30, description: 'Username.' }),
  method: Type.String({ pattern: '^[A-Z]{1,20}$' }),
  url: Type.String({ minLength: 1, maxLength: 4096, description: 'Absolute address, as in the browser.' }),
});
export type ExplanationQuestion = Static<typeof ExplanationQuestionSchema>;

export const ExplanationSchema = closed({
  sentence: Type.String({ description: 'The verdict in words.' }),
  hint: Type.String({ description: 'What would have to change.' }),
  route: Type.String(),
  action: Type.String(),
  resource: Type.String({ description: 'Type and id, for example: Service jupyterhub/ann.' }),
  decision: closed({
    effect: oneOf('allow', 'deny'),
    reason: Type.String(),
    policyVersion: Type.String(),
    rules: Type.Array(RuleReferenceSchema),
  }),
  matched: Type.Array(RuleReferenceSchema, { description: 'Every rule that applied.' }),
  others: Type.Array(RuleReferenceSchema, { description: 'Rules of the same action and kind that did not apply.' }),
});
export type Explanation = Static<typeof ExplanationSchema>;
