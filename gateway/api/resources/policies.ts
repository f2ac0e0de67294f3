import type { Needs, ApiServer } from '../context.ts';
import { Type } from 'typebox';
import {
  type Explanation,
  ExplanationQuestionSchema,
  ExplanationSchema,
  PoliciesSchema,
  type Refusal,
  RefusalSchema,
} from '../contract.ts';
import type { DecisionExplanation, UrlExplanation } from '../options.ts';
import { answers, describe } from './describe.ts';

const tag = 'Policies';

export function policyRoutes(
  app: ApiServer,
  { policy, explainUrl, explainDecision }: Needs<'policy' | 'explainUrl' | 'explainDecision'>,
): void {
  app.get(
    '/policies',
    describe('admin', tag, 'The policy files, whether they are in force, and what is wrong', {
      response: answers(200, PoliciesSchema),
    }),
    async () => policy.status(),
  );

  app.post(
    '/policies/explanations',
    describe('admin', tag, 'What would happen to a request, and why', {
      body: ExplanationQuestionSchema,
      response: answers(200, ExplanationSchema),
    }),
    async ({ body: { as: username, method, url } }): Promise<Explanation> =>
      toExplanation(username, await explainUrl({ username, method, url })),
  );

  app.get(
    '/policies/refusals/:id',
    describe('admin', tag, 'What was refused to whom and why, by the decision id of the refusal, for a day', {
      params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
      response: answers(200, RefusalSchema),
    }),
    async ({ params: { id } }): Promise<Refusal> => toRefusal(await explainDecision(id)),
  );
}

function toRefusal({ decision, now, ...refusal }: DecisionExplanation): Refusal {
  const { effect, policyVersion } = now.decision;
  return {
    ...refusal,
    decision: { ...decision, rules: [...decision.rules] },
    now: { effect, policyVersion, hint: now.hint },
  };
}

function toExplanation(username: string, { route, title, action, resource, explanation }: UrlExplanation): Explanation {
  const { decision, matched, others, hint } = explanation;
  const { effect, reason, policyVersion, rules } = decision;
  const verdict = effect === 'allow' ? 'may' : 'may not';
  return {
    sentence: `${username} ${verdict} ${action} ${title}.`,
    hint,
    route,
    action,
    resource,
    decision: { effect, reason, policyVersion, rules: [...rules] },
    matched,
    others,
  };
}
