/** Questions about plans, about what an owner has and how much of it is used. */
import { request, segment, textual } from '#lib/api/request.ts';
import type {
  GivenPlan,
  OwnerFiles,
  OwnerList,
  OwnerPlanPage,
  OwnerPlanQuery,
  PlanChoice,
  PlanList,
  RemovedFiles,
} from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const at = (owner: string, rest: string): string => `/owners/${segment(owner)}${rest}`;

export const plansApi = {
  /** Myself and my teams, with the plan of each. */
  mine: () => request<OwnerList>('GET', '/owners'),
  list: () => request<PlanList>('GET', '/plans'),
  owners: (query: OwnerPlanQuery) => request<OwnerPlanPage>('GET', withQuery('/plans/owners', textual(query))),
  of: (owner: string) => request<GivenPlan>('GET', at(owner, '/plan')),
  give: (owner: string, choice: PlanChoice) => request<GivenPlan>('PUT', at(owner, '/plan'), choice),
  filesOf: (owner: string) => request<OwnerFiles>('GET', at(owner, '/files')),
  removeFiles: (owner: string, { isForGood }: { isForGood: boolean }) =>
    request<RemovedFiles>('DELETE', withQuery(at(owner, '/files'), { forGood: isForGood ? 'true' : undefined })),
};
