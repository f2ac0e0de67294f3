import type { ApiContext, ApiServer } from '../context.ts';
import { type Explanation, ExplanationQuestionSchema, ExplanationSchema, PoliciesSchema } from '../contract.ts';
import type { UrlExplanation } from '../options.ts';
import { answers, describe } from './describe.ts';

const tag = 'Policies';

export function policyRoutes(app: ApiServer, { policy, explainUrl }: ApiContext): void {
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
}

function toExplanation(username: string, { route, action, resource, explanation }: UrlExplanation): Explanation {
  const { decision, matched, others, hint } = explanation;
  const { effect, reason, policyVersion, rules } = decision;
  const verdict = effect === 'allow' ? 'may' : 'may not';
  return {
    sentence: `${username} ${verdict} ${action} ${resource}.`,
    hint,
    route,
    action,
    resource,
    decision: { effect, reason, policyVersion, rules: [...rules] },
    matched,
    others,
  };
}
