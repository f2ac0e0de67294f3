/** The pages of the dashboard, once: rail, bottom bar, palette and shortcuts are made from this list. */
import AppWindow from '@lucide/svelte/icons/app-window';
import Activity from '@lucide/svelte/icons/activity';
import House from '@lucide/svelte/icons/house';
import CircleUser from '@lucide/svelte/icons/circle-user-round';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import Users from '@lucide/svelte/icons/users';
import UsersRound from '@lucide/svelte/icons/network';
import { urls } from '#lib/urls.ts';

export type PageEntry = {
  title: string;
  href: string;
  icon: typeof House;
  isForAdmins: boolean;
  /** Pressed after `g`. */
  key: string;
  /** Other words a person may look for. */
  words: string;
};

export const pages: readonly PageEntry[] = [
  { title: 'Home', href: urls.home(), icon: House, isForAdmins: false, key: 'h', words: 'start tiles notebooks' },
  {
    title: 'Account',
    href: urls.account(),
    icon: CircleUser,
    isForAdmins: false,
    key: 'a',
    words: 'password sessions devices theme profile',
  },
  {
    title: 'Users',
    href: urls.users(),
    icon: Users,
    isForAdmins: true,
    key: 'u',
    words: 'people approve invite disable',
  },
  { title: 'Teams', href: urls.teams(), icon: UsersRound, isForAdmins: true, key: 't', words: 'groups members' },
  {
    title: 'Applications',
    href: urls.clients(),
    icon: AppWindow,
    isForAdmins: true,
    key: 'o',
    words: 'clients openid oidc oauth secret redirect single sign-on',
  },
  {
    title: 'Policies',
    href: urls.policies(),
    icon: ShieldCheck,
    isForAdmins: true,
    key: 'p',
    words: 'rules cedar explain allow deny',
  },
  { title: 'Audit', href: urls.audit(), icon: ScrollText, isForAdmins: true, key: 'l', words: 'log record history' },
  {
    title: 'Health',
    href: urls.health(),
    icon: Activity,
    isForAdmins: true,
    key: 's',
    words: 'status warnings components',
  },
];

/** A number beside a page's name: people who wait, or parts that need a look. */
export type PageBadge = { text: string; tone: 'accent' | 'warning' | 'failed'; words: string; href: string };

export function pagesFor(canAdminister: boolean): readonly PageEntry[] {
  return pages.filter((page) => canAdminister || !page.isForAdmins);
}

/** Whether an address lies on a page or below it. */
export function isOn(page: PageEntry, pathname: string): boolean {
  return page.href === '/' ? pathname === '/' : pathname === page.href || pathname.startsWith(`${page.href}/`);
}
