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

/** What the policies say to somebody who opens a tool or application now. */
export const RouteAccessSchema = closed({
  name: Type.String(),
  title: Type.String(),
  kind: Type.String(),
  url: Type.String(),
  effect: oneOf('allow', 'deny'),
  reason: Type.String(),
  rules: Type.Array(RuleReferenceSchema, { description: 'Those that decided; none where no rule permits it.' }),
});
export type RouteAccess = Static<typeof RouteAccessSchema>;
export const PersonAccessSchema = closed({ routes: Type.Array(RouteAccessSchema) });
export type PersonAccess = Static<typeof PersonAccessSchema>;

export const ExplanationQuestionSchema = closed({
  as: Type.String({ minLength: 1, maxLength: 30, description: 'Username.' }),
  method: Type.String({ pattern: '^[A-Z]{1,20}$' }),
  url: Type.String({ minLength: 1, maxLength: 4096, description: 'Absolute address, as in the browser.' }),
});
export type ExplanationQuestion = Static<typeof ExplanationQuestionSchema>;

export const DecisionSchema = closed({
  effect: oneOf('allow', 'deny'),
  reason: Type.String(),
  policyVersion: Type.String(),
  rules: Type.Array(RuleReferenceSchema),
});

export const ExplanationSchema = closed({
  sentence: Type.String({ description: 'The verdict in words.' }),
  hint: Type.String({ description: 'What would have to change.' }),
  route: Type.String(),
  action: Type.String(),
  resource: Type.String({
    description: 'Type and id in the words of the policies, for example: Service::"jupyterhub/ann".',
  }),
  decision: DecisionSchema,
  matched: Type.Array(RuleReferenceSchema, { description: 'Every rule that applied.' }),
  others: Type.Array(RuleReferenceSchema, { description: 'Rules of the same action and kind that did not apply.' }),
});
export type Explanation = Static<typeof ExplanationSchema>;

/** A refusal by the decision id that its page named. */
export const RefusalSchema = closed({
  id: Type.String(),
  at: TimeSchema,
  username: Type.String(),
  method: Type.String(),
  url: Type.String({ description: 'Address without query.' }),
  route: Type.String({ description: 'Title of what was asked for.' }),
  action: Type.String(),
  resource: Type.String({
    description: 'Type and id in the words of the policies, for example: Service::"jupyterhub/ann".',
  }),
  facts: Type.Array(
    closed({ about: oneOf('person', 'resource', 'request'), name: Type.String(), value: Type.String() }),
    { description: 'What the rules saw.' },
  ),
  decision: DecisionSchema,
  now: closed({
    effect: oneOf('allow', 'deny'),
    hint: Type.String({ description: 'What the set in force says to the same request of the same person now.' }),
    policyVersion: Type.String(),
  }),
});
export type Refusal = Static<typeof RefusalSchema>;
