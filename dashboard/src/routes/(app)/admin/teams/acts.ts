/** What an admin does to a team and its members. */
import { invalidate } from '$app/navigation';
import { api } from '#lib/api.ts';
import type { Team } from '#lib/contract.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { attempt } from '#lib/toasts.svelte.ts';

export type Member = Team['members'][number];

const refresh = (): Promise<void> => invalidate(topicKey('users'));

async function set(team: Team, userId: string, role: Member['role']): Promise<void> {
  await api.teams.setMember(team.id, userId, role);
  await refresh();
}

async function leave(team: Team, userId: string): Promise<void> {
  await api.teams.removeMember(team.id, userId);
  await refresh();
}

export const acts = {
  /** Offered in a dialog, above which no Undo can be pressed: the member's own menu takes it back. */
  add: (team: Team, person: { id: string; username: string }) =>
    attempt(() => set(team, person.id, 'member'), `${person.username} is in ${team.title} now.`),
  changeRole: (team: Team, member: Member, role: Member['role']) =>
    attempt(
      () => set(team, member.userId, role),
      role === 'manager' ? `${member.username} manages ${team.title} now.` : `${member.username} is a member now.`,
      () => set(team, member.userId, member.role),
    ),
  removeMember: (team: Team, member: Member) =>
    attempt(
      () => leave(team, member.userId),
      `${member.username} is no longer in ${team.title}.`,
      () => set(team, member.userId, member.role),
    ),
  async remove(team: Team): Promise<void> {
    await api.teams.remove(team.id);
    await refresh();
  },
};
