/** Questions about teams and their members. */
import { request, segment, textual } from '#lib/api/request.ts';
import type {
  MemberPage,
  MemberQuery,
  Membership,
  MembershipChange,
  NewTeam,
  Team,
  TeamPage,
  TeamQuery,
} from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const memberAt = (teamId: string, userId: string): string => `/teams/${segment(teamId)}/members/${segment(userId)}`;

export const teamsApi = {
  list: (query: TeamQuery) => request<TeamPage>('GET', withQuery('/teams', textual(query))),
  find: (idOrName: string) => request<Team>('GET', `/teams/${segment(idOrName)}`),
  members: (idOrName: string, query: MemberQuery) =>
    request<MemberPage>('GET', withQuery(`/teams/${segment(idOrName)}/members`, query)),
  create: (team: NewTeam) => request<Team>('POST', '/teams', team),
  remove: (teamId: string) => request<void>('DELETE', `/teams/${segment(teamId)}`),
  setMember: (teamId: string, userId: string, membership: Membership) =>
    request<MembershipChange>('PUT', memberAt(teamId, userId), membership),
  removeMember: (teamId: string, userId: string) => request<MembershipChange>('DELETE', memberAt(teamId, userId)),
};
