/** Questions about the rules in force and what they decide. */
import { request, segment } from '#lib/api/request.ts';
import type { Explanation, ExplanationQuestion, Policies, Refusal } from '#lib/contract.ts';

export const policiesApi = {
  status: () => request<Policies>('GET', '/policies'),
  explain: (question: ExplanationQuestion) => request<Explanation>('POST', '/policies/explanations', question),
  refusal: (decisionId: string) => request<Refusal>('GET', `/policies/refusals/${segment(decisionId)}`),
};
