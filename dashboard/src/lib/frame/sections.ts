/** The sections of the dashboard, once: rail, phone bar, palette, shortcuts and the navigation inside Admin are drawn from this table. */
import Activity from '@lucide/svelte/icons/activity';
import AppWindow from '@lucide/svelte/icons/app-window';
import Blocks from '@lucide/svelte/icons/blocks';
import Boxes from '@lucide/svelte/icons/boxes';
import CircleUser from '@lucide/svelte/icons/circle-user-round';
import FolderOpen from '@lucide/svelte/icons/folder-open';
import Gauge from '@lucide/svelte/icons/gauge';
import ChartLine from '@lucide/svelte/icons/chart-line';
import House from '@lucide/svelte/icons/house';
import Network from '@lucide/svelte/icons/network';
import Package from '@lucide/svelte/icons/package';
import KeyRound from '@lucide/svelte/icons/key-round';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import SlidersHorizontal from '@lucide/svelte/icons/sliders-horizontal';
import Users from '@lucide/svelte/icons/users';
import UsersRound from '@lucide/svelte/icons/users-round';
import Workflow from '@lucide/svelte/icons/workflow';
import type { Attention } from '#lib/attention.svelte.ts';
import type { Me } from '#lib/contract.ts';
import { troubledIn } from '#lib/states.ts';
import { urls } from '#lib/urls.ts';

/** A number beside a section's name: people who wait, or parts that need a look. */
export type SectionBadge = {
  count: number;
  /** Worst last. */
  tone: 'accent' | 'warning' | 'failed';
  /** Read out behind the number. */
  words: string;
  /** Where what is counted is listed. */
  href: string;
};

/** What a person must be able to do for a section to be of use to them. */
export type Capability = 'administer' | 'administerCluster' | 'haveTeams' | Me['offers'][number];

export type Section = {
  id: string;
  label: string;
  href: string;
  icon: typeof House;
  /** Without one it is for everyone. */
  needs?: Capability;
  /** `rail` at the edge, `admin` inside the section Admin, `person` under the name of who is signed in. */
  place: 'rail' | 'admin' | 'person';
  /** Who comes first gets one of the few places at the foot of a phone; without a number only under More. */
  phone?: number;
  /** Pressed after `g`. */
  key?: string;
  /** Other words a person may look for. */
  words: string;
  badge?: (attention: Attention) => SectionBadge | undefined;
};

const everything: readonly Section[] = [
  {
    id: 'home',
    label: 'Home',
    href: urls.home(),
    icon: House,
    place: 'rail',
    phone: 1,
    key: 'h',
    words: 'start tiles notebooks',
  },
  {
    id: 'files',
    label: 'Files',
    href: urls.files(),
    icon: FolderOpen,
    place: 'rail',
    phone: 2,
    key: 'f',
    words: 'folders upload download trash storage data',
  },
  {
    id: 'services',
    label: 'Services',
    href: urls.services(),
    icon: Blocks,
    place: 'rail',
    phone: 5,
    key: 'v',
    words: 'start launch run programs notebook web template catalogue',
  },
  {
    id: 'workflows',
    label: 'Workflows',
    href: urls.workflows(),
    icon: Workflow,
    needs: 'workflows',
    place: 'rail',
    phone: 8,
    key: 'w',
    words: 'argo pipelines jobs steps runs',
  },
  {
    id: 'images',
    label: 'Images',
    href: urls.images(),
    icon: Package,
    needs: 'images',
    place: 'rail',
    key: 'i',
    words: 'harbor registry docker containers charts push pull secret',
  },
  {
    id: 'metrics',
    label: 'Metrics',
    href: urls.metrics(),
    icon: ChartLine,
    needs: 'metrics',
    place: 'rail',
    key: 'e',
    words: 'usage cost grafana prometheus processors memory',
  },
  {
    id: 'my-teams',
    label: 'My teams',
    href: urls.myTeams(),
    icon: UsersRound,
    needs: 'haveTeams',
    place: 'rail',
    phone: 7,
    key: 'm',
    words: 'team group members colleagues leave',
  },
  {
    id: 'admin',
    label: 'Admin',
    href: urls.admin(),
    icon: SlidersHorizontal,
    needs: 'administer',
    place: 'rail',
    words: 'administration settings platform',
    badge: (attention) => worstOf(everything.filter(isInAdmin).map(({ badge }) => badge?.(attention))),
  },
  {
    id: 'users',
    label: 'Users',
    href: urls.users(),
    icon: Users,
    needs: 'administer',
    place: 'admin',
    phone: 4,
    key: 'u',
    words: 'people approve invite disable',
    badge: ({ pending }) =>
      badgeOf(pending, 'accent', 'waiting for approval', urls.users(pending > 0 ? { state: 'pending' } : {})),
  },
  {
    id: 'teams',
    label: 'Teams',
    href: urls.teams(),
    icon: Network,
    needs: 'administer',
    place: 'admin',
    key: 't',
    words: 'groups members',
  },
  {
    id: 'plans',
    label: 'Plans',
    href: urls.plans(),
    icon: Gauge,
    needs: 'administer',
    place: 'admin',
    key: 'n',
    words: 'quota storage limits full over',
  },
  {
    id: 'places',
    label: 'Places',
    href: urls.places(),
    icon: Boxes,
    needs: 'administerCluster',
    place: 'admin',
    key: 'c',
    words: 'cluster kubernetes namespaces provisioning',
  },
  {
    id: 'applications',
    label: 'Applications',
    href: urls.clients(),
    icon: AppWindow,
    needs: 'administer',
    place: 'admin',
    key: 'o',
    words: 'clients openid oidc oauth secret redirect single sign-on',
  },
  {
    id: 'policies',
    label: 'Policies',
    href: urls.policies(),
    icon: ShieldCheck,
    needs: 'administer',
    place: 'admin',
    key: 'p',
    words: 'rules cedar explain allow deny',
    badge: ({ policies }) => badgeOf(policies ? 1 : 0, 'failed', 'change refused', urls.policies()),
  },
  {
    id: 'audit',
    label: 'Audit',
    href: urls.audit(),
    icon: ScrollText,
    needs: 'administer',
    place: 'admin',
    key: 'l',
    words: 'log record history',
  },
  {
    id: 'health',
    label: 'Health',
    href: urls.health(),
    icon: Activity,
    needs: 'administer',
    place: 'admin',
    phone: 6,
    key: 's',
    words: 'status warnings components',
    badge({ health }) {
      const troubled = troubledIn(health?.components ?? []);
      return troubled.some(({ status }) => status === 'failed')
        ? badgeOf(troubled.length, 'failed', 'to look at, something failed', urls.health())
        : badgeOf(troubled.length, 'warning', 'to look at', urls.health());
    },
  },
  {
    id: 'account',
    label: 'Account',
    href: urls.account(),
    icon: CircleUser,
    place: 'person',
    phone: 9,
    key: 'a',
    words: 'password sessions devices theme profile plan storage',
  },
  {
    id: 'tokens',
    label: 'Tokens',
    href: urls.tokens(),
    icon: KeyRound,
    place: 'person',
    key: 'k',
    words: 'api key secret script curl personal access token',
  },
];

const isInAdmin = ({ place }: Section): boolean => place === 'admin';

/** Those that are of use to a person, in the order of the table. */
export function sectionsFor(can: ReadonlySet<Capability>): readonly Section[] {
  return everything.filter(({ needs }) => needs === undefined || can.has(needs));
}

/** What somebody may do, as the table asks for it. */
export function capabilitiesOf(
  me: Pick<Me, 'canAdminister' | 'hasCluster' | 'offers' | 'user'>,
): ReadonlySet<Capability> {
  const can = new Set<Capability>(me.offers);
  if (me.canAdminister) can.add('administer');
  if (me.canAdminister && me.hasCluster) can.add('administerCluster');
  if (me.user.teams.length > 0) can.add('haveTeams');
  return can;
}

/** The sections with a place of their own at the foot of a phone. */
export function phoneSections(sections: readonly Section[], places = 3): readonly Section[] {
  return sections
    .filter(({ phone }) => phone !== undefined)
    .sort((a, b) => a.phone! - b.phone!)
    .slice(0, places);
}

/** Whether an address lies in a section. */
export function isOn({ href }: Pick<Section, 'href'>, pathname: string): boolean {
  return href === '/' ? pathname === '/' : pathname === href || pathname.startsWith(`${href}/`);
}

/** The name of the section an address lies in: the innermost one. */
export function labelAt(pathname: string): string | undefined {
  return everything.findLast((section) => section.id !== 'admin' && isOn(section, pathname))?.label;
}

function badgeOf(count: number, tone: SectionBadge['tone'], words: string, href: string): SectionBadge | undefined {
  return count > 0 ? { count, tone, words, href } : undefined;
}

const tones: readonly SectionBadge['tone'][] = ['accent', 'warning', 'failed'];

/** Several as one: all of them counted, in the colour of the worst, which it leads to. */
function worstOf(badges: readonly (SectionBadge | undefined)[]): SectionBadge | undefined {
  const told = badges.filter((badge) => badge !== undefined);
  const [worst] = told.toSorted((a, b) => tones.indexOf(b.tone) - tones.indexOf(a.tone));
  if (!worst) return undefined;
  return {
    ...worst,
    count: told.reduce((sum, { count }) => sum + count, 0),
    words: told.length === 1 ? worst.words : told.map(({ count, words }) => `${count} ${words}`).join(', '),
  };
}
