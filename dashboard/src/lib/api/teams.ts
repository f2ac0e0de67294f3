/** Questions about teams and their members. */
import { request, segment } from '#lib/api/request.ts';
import type { Membership, MembershipChange, NewTeam, Team, TeamList } from '#lib/contract.ts';

const memberAt = (teamId: string, userId: string): string => `/teams/${segment(teamId)}/members/${segment(userId)}`;

export const teamsApi = {
  list: () => request<TeamList>('GET', '/teams'),
  create: (team: NewTeam) => request<Team>('POST', '/teams', team),
  remove: (teamId: string) => request<void>('DELETE', `/teams/${segment(teamId)}`),
  setMember: (teamId: string, userId: string, membership: Membership) =>
    request<MembershipChange>('PUT', memberAt(teamId, userId), membership),
  removeMember: (teamId: string, userId: string) => request<MembershipChange>('DELETE', memberAt(teamId, userId)),
};
