/** What admins and managers do to a team and its members, and how somebody leaves one. */
import { teamsApi } from '#lib/api/teams.ts';
import type { MembershipChange, Team, TeamMember } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt, type Offer, say } from '#lib/toasts.svelte.ts';

type TeamNamed = Pick<Team, 'id' | 'title'>;
export type Member = Pick<TeamMember, 'userId' | 'username'>;

const refreshTeams = (): Promise<void> => refresh({ topic: 'teams' }, { topic: 'users' });

/** One change of a membership; the answer says how it can be taken back. */
function change(team: TeamNamed, member: Member, act: () => Promise<MembershipChange>, done: string): Promise<boolean> {
  const about = `user:${member.userId}`;
  const apply = async (ask: () => Promise<MembershipChange>): Promise<MembershipChange> => {
    let changed: MembershipChange;
    try {
      changed = await ask();
    } catch (error) {
      // Somebody may have been faster. Not waited for: while Knot is away it would never end.
      void refreshTeams();
      throw error;
    }
    await refreshTeams();
    return changed;
  };
  const offer = ({ undo }: MembershipChange): Offer | undefined =>
    undo && {
      label: 'Undo',
      act: () =>
        attempt(
          () => apply(() => teamsApi.setMember(team.id, member.userId, undo)),
          `Undone: ${member.username} is a ${undo.role} of ${team.title}.`,
          { about },
        ),
    };
  return attempt(() => apply(act), done, { offer, about });
}

export const acts = {
  /** Offered in a dialog, above which no Undo can be pressed: the member's own menu takes it back. */
  add: (team: TeamNamed, { id: userId, username }: { id: string; username: string }) =>
    change(
      team,
      { userId, username },
      () => teamsApi.setMember(team.id, userId, { role: 'member' }),
      `${username} is in ${team.title} now.`,
    ),
  changeRole: (team: TeamNamed, member: Member, role: TeamMember['role']) =>
    change(
      team,
      member,
      () => teamsApi.setMember(team.id, member.userId, { role }),
      role === 'manager' ? `${member.username} manages ${team.title} now.` : `${member.username} is a member now.`,
    ),
  removeMember: (team: TeamNamed, member: Member) =>
    change(
      team,
      member,
      () => teamsApi.removeMember(team.id, member.userId),
      `${member.username} is no longer in ${team.title}.`,
    ),
  /**
   * Only a manager or an admin can take somebody in again, so that nothing is offered as a way back. `left` leads away from its page.
   * Throws what refused it.
   */
  async leave(team: TeamNamed, me: Member, left: () => unknown): Promise<void> {
    await teamsApi.removeMember(team.id, me.userId);
    // Away first: the page of the team would only say that it is nothing to them any more.
    await left();
    await refreshTeams();
    say(`You are no longer in ${team.title}.`);
  },
  async remove(team: Team): Promise<void> {
    await teamsApi.remove(team.id);
    await refreshTeams();
  },
};
