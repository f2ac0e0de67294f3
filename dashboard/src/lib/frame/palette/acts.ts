/** What the palette can do, besides leading somewhere. */
import FolderPlus from '@lucide/svelte/icons/folder-plus';
import Keyboard from '@lucide/svelte/icons/keyboard';
import LogOut from '@lucide/svelte/icons/log-out';
import Monitor from '@lucide/svelte/icons/monitor';
import Moon from '@lucide/svelte/icons/moon';
import Plus from '@lucide/svelte/icons/plus';
import Sun from '@lucide/svelte/icons/sun';
import UserPlus from '@lucide/svelte/icons/user-plus';
import type { Capability } from '#lib/frame/sections.ts';
import { theme } from '#lib/theme.svelte.ts';
import { urls } from '#lib/urls.ts';

type PaletteAct = {
  id: string;
  title: string;
  words: string;
  icon: typeof Plus;
  href?: string;
  act?: () => void;
};

/** Those an ordinary person has, and those of an admin before them. */
export function actsFor(can: ReadonlySet<Capability>, { openShortcuts }: { openShortcuts: () => void }): PaletteAct[] {
  const ofAdmins: PaletteAct[] = [
    { id: 'do-invite', title: 'Invite someone', words: 'new user account link', icon: UserPlus, href: urls.invite() },
    { id: 'do-team', title: 'New team', words: 'make create group', icon: Plus, href: urls.newTeam() },
  ];
  return [
    ...(can.has('administer') ? ofAdmins : []),
    {
      id: 'do-folder',
      title: 'New folder',
      words: 'make create files directory',
      icon: FolderPlus,
      href: `${urls.folder({ area: 'private', address: '' })}#new-folder`,
    },
    { id: 'do-light', title: 'Light theme', words: 'look bright', icon: Sun, act: () => theme.choose('light') },
    { id: 'do-dark', title: 'Dark theme', words: 'look night', icon: Moon, act: () => theme.choose('dark') },
    { id: 'do-auto', title: 'Theme of the system', words: 'look auto', icon: Monitor, act: () => theme.choose('auto') },
    { id: 'do-keys', title: 'Keyboard shortcuts', words: 'keys help', icon: Keyboard, act: openShortcuts },
    { id: 'do-sign-out', title: 'Sign out', words: 'log out leave logout', icon: LogOut, act: signOut },
  ];
}

/** Posts the form that the frame holds, because signing out changes something. */
function signOut(): void {
  document.querySelector<HTMLFormElement>('form[action="/logout"]')?.requestSubmit();
}
