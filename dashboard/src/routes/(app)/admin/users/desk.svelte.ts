/** Everything that can be done to people, for the list and for the page of one; what asks first has its dialog in `PersonDialogs`. */
import Ban from '@lucide/svelte/icons/ban';
import Check from '@lucide/svelte/icons/check';
import KeyRound from '@lucide/svelte/icons/key-round';
import LogOut from '@lucide/svelte/icons/log-out';
import Shield from '@lucide/svelte/icons/shield';
import ShieldOff from '@lucide/svelte/icons/shield-off';
import Trash from '@lucide/svelte/icons/trash-2';
import { peopleApi } from '#lib/api/people.ts';
import type { NewLink, User } from '#lib/contract.ts';
import { attempt } from '#lib/toasts.svelte.ts';
import type { Act } from '#lib/ui/list/columns.ts';
import { acts } from './acts.ts';

export class Desk {
  /** Who is asked about before anything is done. */
  doomed = $state.raw<User>();
  leaving = $state.raw<readonly User[]>([]);
  link = $state.raw<NewLink>();
}

/** Nobody locks themselves out by a slip: the entry stays in sight and says why. */
export function personActs(desk: Desk, ownId: string, admins: number): Act<User>[] {
  const own =
    (words: string) =>
    ({ id }: User): string | undefined =>
      id === ownId ? words : undefined;
  const isOwn = own('Your own account: another admin can do it');
  const isActive = ({ state }: User): boolean => state === 'active';
  return [
    { label: 'Approve', icon: Check, fits: ({ state }) => state === 'pending', act: acts.approve },
    { label: 'Enable', icon: Check, fits: ({ state, hasName }) => state === 'disabled' && hasName, act: acts.enable },
    { label: 'Let in', icon: Check, fits: ({ state, hasName }) => state === 'disabled' && !hasName, act: acts.approve },
    {
      label: 'Make a reset link',
      icon: KeyRound,
      fits: isActive,
      isForOne: true,
      act: ([user]) => attempt(async () => (desk.link = await peopleApi.createResetLink(user!.id))),
    },
    { label: 'Sign out everywhere', icon: LogOut, fits: isActive, act: acts.endSessions },
    {
      label: 'Make an admin',
      icon: Shield,
      fits: (user) => isActive(user) && !user.isAdmin,
      isForOne: true,
      act: ([user]) => acts.promote(user!),
    },
    {
      label: 'Remove admin rights',
      icon: ShieldOff,
      fits: (user) => isActive(user) && user.isAdmin,
      reason: own(admins <= 1 ? 'The only admin: make another one first' : 'Your own: another admin can do it'),
      isForOne: true,
      act: ([user]) => acts.demote(user!),
    },
    { label: 'Refuse', icon: Ban, fits: ({ state }) => state === 'pending', act: acts.refuse },
    {
      label: 'Disable',
      icon: Ban,
      fits: isActive,
      reason: isOwn,
      act: (rows) => (rows.length === 1 ? acts.disable(rows) : void (desk.leaving = rows)),
    },
    {
      label: 'Delete…',
      icon: Trash,
      fits: () => true,
      reason: isOwn,
      isDangerous: true,
      isForOne: true,
      act: ([user]) => void (desk.doomed = user),
    },
  ];
}
