/**
 * What an admin does to accounts, one or many, each with its words. The gateway's answer says whether and how an act can be taken
 * back; nothing else is called Undo.
 */
import { invitationsApi } from '#lib/api/invitations.ts';
import { peopleApi } from '#lib/api/people.ts';
import type { ChangedUser, User, UserChange, UserUndo } from '#lib/contract.ts';
import { refresh } from '#lib/live/changes.ts';
import { attempt, type Offer } from '#lib/toasts.svelte.ts';
import { performOnAll } from '#lib/ui/list/perform.ts';
import { counted } from '#lib/words.ts';

const refreshPeople = (): Promise<void> => refresh({ topic: 'users' });
const people = (rows: readonly User[], one: string, many: string): string =>
  `${counted(rows.length, 'person', 'people')} ${rows.length === 1 ? one : many}`;

async function change(
  user: User,
  wanted: UserChange,
  done: string | ((changed: ChangedUser) => string),
  otherwise?: Offer,
): Promise<boolean> {
  const about = `user:${user.id}`;
  const apply = async (next: UserChange): Promise<ChangedUser> => {
    let changed: ChangedUser;
    try {
      changed = await peopleApi.change(user.id, next);
    } catch (error) {
      // Somebody may have been faster. Not waited for: while Knot is away it would never end.
      void refreshPeople();
      throw error;
    }
    await refreshPeople();
    return changed;
  };
  const undo = (way: UserUndo) => (): Promise<boolean> =>
    attempt(() => apply(way), `Undone: ${user.username} ${undoneWords(way)}.`, { about });
  const offer = ({ undo: way }: ChangedUser): Offer | undefined =>
    way ? { label: 'Undo', act: undo(way) } : otherwise;
  return attempt(() => apply(wanted), done, { offer, about });
}

function undoneWords({ state, isAdmin }: UserUndo): string {
  if (state === 'pending') return 'waits for approval';
  if (state !== undefined) return `is ${state}`;
  return isAdmin ? 'is an admin' : 'is not an admin';
}

/** The same change for many: one notice for all of them. */
function changeAll(rows: readonly User[], wanted: UserChange, one: string, many: string): Promise<void> {
  return performOnAll({
    rows,
    nameOf: ({ username }) => username,
    run: ({ id }) => peopleApi.change(id, wanted),
    done: (changed) => `${people(changed, one, many)}.`,
    refresh: refreshPeople,
  });
}

/** One row has words of its own, several are counted. */
const forAll =
  (single: (user: User) => Promise<unknown>, several: (rows: readonly User[]) => Promise<unknown>) =>
  (rows: readonly User[]): Promise<unknown> =>
    rows.length === 1 ? single(rows[0]!) : several(rows);

const enableOne = (user: User) => change(user, { state: 'active' }, `${user.username} can sign in again.`);

export const acts = {
  approve: forAll(
    (user) => change(user, { state: 'active' }, `${user.username} can sign in now.`),
    (rows) => changeAll(rows, { state: 'active' }, 'can sign in now', 'can sign in now'),
  ),
  enable: forAll(enableOne, (rows) => changeAll(rows, { state: 'active' }, 'can sign in again', 'can sign in again')),
  refuse: forAll(
    (user) => change(user, { state: 'disabled' }, (changed) => refusalWords(user, changed)),
    (rows) => changeAll(rows, { state: 'disabled' }, 'is refused', 'are refused'),
  ),
  /** The sessions that end do not come back, so the way back is called by what it does. */
  disable: forAll(
    (user) =>
      change(user, { state: 'disabled' }, `${user.username} is disabled and signed out everywhere.`, {
        label: 'Enable again',
        act: () => enableOne(user),
      }),
    (rows) => changeAll(rows, { state: 'disabled' }, 'is disabled and signed out', 'are disabled and signed out'),
  ),
  promote: (user: User) => change(user, { isAdmin: true }, `${user.username} is an admin now.`),
  demote: (user: User) => change(user, { isAdmin: false }, `${user.username} is no longer an admin.`),
  endSessions: forAll(
    (user) =>
      attempt(
        async () => {
          const { connections } = await peopleApi.endSessions(user.id);
          await refresh({ topic: 'sessions' });
          return connections;
        },
        (connections) =>
          connections === 0
            ? `${user.username} is signed out everywhere.`
            : `${user.username} is signed out everywhere, and ${counted(connections, 'application is', 'applications are')} disconnected.`,
      ),
    (rows) =>
      performOnAll({
        rows,
        nameOf: ({ username }) => username,
        run: ({ id }) => peopleApi.endSessions(id),
        done: (ended) => `${people(ended, 'is', 'are')} signed out everywhere.`,
        refresh: () => refresh({ topic: 'sessions' }),
      }),
  ),
  endSession: (user: User, session: { id: string; device: string }) =>
    attempt(async () => {
      await peopleApi.endSession(user.id, session.id);
      await refresh({ topic: 'sessions', id: user.id });
    }, `${user.username} is signed out of ${session.device}.`),
  async remove(user: User): Promise<void> {
    await peopleApi.remove(user.id);
    await refreshPeople();
  },
  revokeInvitation: (id: string) =>
    attempt(async () => {
      await invitationsApi.revoke(id);
      await refresh({ topic: 'links' });
    }, 'The invitation no longer works.'),
};

/** No way back means that the person was let in meanwhile, and that the page did not show it yet. */
function refusalWords({ username }: User, { undo }: ChangedUser): string {
  return undo ? `${username} is refused and cannot sign in.` : `${username} is disabled and signed out everywhere.`;
}
