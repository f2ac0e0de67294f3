/** Every address the dashboard links to, in one place. */
import { addressOf, type Place } from '#lib/files/place.ts';

type Query = Record<string, string | number | undefined>;

export const urls = {
  home: () => '/',
  account: () => '/account',
  /** The areas of files. */
  files: (query: { owner?: string | undefined } = {}) => withQuery('/files', query),
  sharedWithMe: () => '/files/shared-with-me',
  sharedByMe: () => '/files/shared-by-me',
  /** For whom a folder is shared to hand files in. */
  handIn: ({ id }: { id: string }) => `/files/hand-in/${encodeURIComponent(id)}`,
  /** A folder, or with `view` the file of that address in it. */
  folder: (
    place: Place,
    query: {
      q?: string | undefined;
      sort?: string | undefined;
      page?: number | undefined;
      /** `trash`, `usage`: those of the area instead of its entries. */
      list?: string | undefined;
      view?: string | undefined;
    } = {},
  ) => withQuery(`/files/${addressOf(place)}`, query),
  /** What I and my teams run. */
  services: () => '/services',
  service: ({ id }: { id: string }, tab = 'overview') => `/services/${encodeURIComponent(id)}/${tab}`,
  /** What can be started. */
  templates: (query: { q?: string | undefined; category?: string | undefined } = {}) => withQuery('/start', query),
  /** The form of one template: `web`, or of a team or a person `team:physics/web`, whose parts are two of the path. */
  newService: ({ id }: { id: string }) => `/start/${id.split('/').map(encodeURIComponent).join('/')}`,
  /** What runs in Argo; of a team with its name. */
  workflows: (query: { owner?: string | undefined } = {}) => withQuery('/workflows', query),
  images: () => '/images',
  /** What somebody used, in a month (`2026-11`). */
  metrics: (query: { owner?: string | undefined; month?: string | undefined } = {}) => withQuery('/metrics', query),
  admin: () => '/admin',
  users: (
    query: {
      q?: string | undefined;
      state?: string | undefined;
      team?: string | undefined;
      /** `invitations`: those instead of people. */
      view?: string | undefined;
      page?: number | undefined;
    } = {},
  ) => withQuery('/admin/users', query),
  /** One person: by name, or by id while the name is only wished for. */
  user: ({ id, username, hasName = false }: { id: string; username?: string; hasName?: boolean }, tab = 'overview') =>
    `/admin/users/${encodeURIComponent(hasName && username ? username : id)}/${tab}`,
  /** The list with its dialog open. */
  invite: () => '/admin/users#invite',
  teams: (query: { q?: string | undefined; page?: number | undefined } = {}) => withQuery('/admin/teams', query),
  team: ({ name }: { name: string }, tab = 'members') => `/admin/teams/${encodeURIComponent(name)}/${tab}`,
  /** Those I am in. */
  myTeams: (query: { q?: string | undefined; page?: number | undefined } = {}) => withQuery('/teams', query),
  myTeam: ({ name }: { name: string }, tab = 'members') => `/teams/${encodeURIComponent(name)}/${tab}`,
  tokens: () => '/account/tokens',
  newToken: () => '/account/tokens#new',
  /** Plans, and who has which. */
  plans: (
    query: {
      q?: string | undefined;
      kind?: string | undefined;
      plan?: string | undefined;
      isOver?: string | undefined;
      page?: number | undefined;
    } = {},
  ) => withQuery('/admin/plans', query),
  /** The places of people and teams in the cluster. */
  places: (query: { q?: string | undefined; state?: string | undefined; page?: number | undefined } = {}) =>
    withQuery('/admin/places', query),
  newTeam: () => '/admin/teams#new',
  clients: () => '/admin/clients',
  newClient: () => '/admin/clients#new',
  /** The list with the dialog that changes one. */
  client: ({ clientId }: { clientId: string }) => `/admin/clients#change=${encodeURIComponent(clientId)}`,
  policies: (
    query: {
      file?: string | undefined;
      decision?: string | undefined;
      as?: string | undefined;
      method?: string | undefined;
      url?: string | undefined;
    } = {},
    line?: number,
  ) => withQuery('/admin/policies', query) + (line ? `#line-${line}` : ''),
  audit: (
    query: {
      action?: string | undefined;
      person?: string | undefined;
      actor?: string | undefined;
      subject?: string | undefined;
      from?: number | undefined;
      to?: number | undefined;
      before?: number | undefined;
    } = {},
  ) => withQuery('/admin/audit', query),
  /** The same records as a file. */
  auditFile: (filter: Query) => withQuery('/api/v1/audit.csv', filter),
  health: () => '/admin/health',
  /** Where a person may go on as somebody else and come back. */
  switchAccount: (next: string) => `/login/account?next=${encodeURIComponent(ownPath(next))}`,
  signIn: (next: string) => `/login?next=${encodeURIComponent(ownPath(next))}`,
  certificate: () => '/ca.pem',
};

/** The decision id that a text holds and nothing else, as people paste it: `newShortId` of the gateway. */
export function decisionIn(text: string): string | undefined {
  return /^\s*([0-9a-hjkmnp-tv-z]{16})\s*$/i.exec(text)?.[1]?.toLowerCase();
}

/** Appends the parts of a query that say something: '' and undefined are left out. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

/**
 * A path of this site, or '/' for anything a browser would take elsewhere: other schemes, `//host`, `/\host`, and the tabs
 * and line breaks that the URL standard drops before it looks (WHATWG URL §4.4). Behind `?` or `#` a backslash is one.
 */
export function ownPath(address: string): string {
  const isPrintable = [...address].every((character) => character >= ' ');
  return isPrintable && /^\/(?![/\\])[^?#\\]*(?:[?#]|$)/.test(address) ? address : '/';
}
