/** What an admin does to an account, each with its words and, where it can be taken back, the way back. */
import { invalidate } from '$app/navigation';
import { api } from '#lib/api.ts';
import type { User, UserChange } from '#lib/contract.ts';
import { topicKey } from '#lib/live.svelte.ts';
import { attempt } from '#lib/toasts.svelte.ts';

const refresh = (): Promise<void> => invalidate(topicKey('users'));

async function change(user: User, wanted: UserChange, done: string, back: UserChange): Promise<void> {
  const apply = (next: UserChange) => async (): Promise<void> => {
    await api.users.change(user.id, next);
    await refresh();
  };
  await attempt(apply(wanted), done, apply(back));
}

export const acts = {
  approve: (user: User) =>
    change(user, { state: 'active' }, `${user.username} can sign in now.`, { state: 'disabled' }),
  enable: (user: User) =>
    change(user, { state: 'active' }, `${user.username} can sign in again.`, { state: 'disabled' }),
  disable: (user: User) =>
    change(user, { state: 'disabled' }, `${user.username} is disabled and signed out everywhere.`, { state: 'active' }),
  promote: (user: User) => change(user, { isAdmin: true }, `${user.username} is an admin now.`, { isAdmin: false }),
  demote: (user: User) =>
    change(user, { isAdmin: false }, `${user.username} is no longer an admin.`, { isAdmin: true }),
  endSessions: (user: User) =>
    attempt(async () => {
      await api.users.endSessions(user.id);
      await invalidate(topicKey('sessions'));
    }, `${user.username} is signed out everywhere.`),
  async remove(user: User): Promise<void> {
    await api.users.remove(user.id);
    await refresh();
  },
  revokeInvitation: (id: string) =>
    attempt(async () => {
      await api.invitations.revoke(id);
      await refresh();
    }, 'The invitation no longer works.'),
};
