import type {
  AuditRecord,
  Client,
  Component,
  Connection,
  Invitation,
  Me,
  Policies,
  Session,
  Team,
  TeamMember,
  Tile,
  User,
} from '../../../gateway/api/contract.ts';
import { policies } from './mock-policies.ts';

/** Canned answers of the API for looking at the dashboard: every state of every page, relative to one moment. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A team with its members, as the mock keeps them. */
export type MockTeam = Omit<Team, 'members' | 'managers'> & { members: TeamMember[] };

export type MockData = {
  me: Me;
  tiles: Tile[];
  users: User[];
  invitations: Invitation[];
  teams: MockTeam[];
  sessions: Session[];
  connections: Connection[];
  clients: Client[];
  policies: Policies;
  audit: AuditRecord[];
  components: Component[];
  isAuditIntact: boolean;
};

const names =
  'ann bela carla dmitri emeka farah gustav hana ines jonas kaoru lena mateo nadia olu priya quentin rosa sami tomas uma viktor wanjiru xenia yusuf zofia'.split(
    ' ',
  );

export function mockData(now: number, { isAdmin = true } = {}): MockData {
  const users = names.map((username, index): User => ({
    id: `u-${index}`,
    username,
    email: `${username}@example.org`,
    isAdmin: index === 0 || index === 7,
    state: [3, 12, 20].includes(index) ? 'pending' : [9, 15].includes(index) ? 'disabled' : 'active',
    hasName: ![3, 12, 20].includes(index),
    hasPassword: true,
    createdAt: now - (index + 3) * 9 * day,
    lastSignInAt: [3, 12, 20].includes(index) ? null : now - index * 7 * hour - 4 * minute,
    teams: index % 3 === 0 ? [{ name: 'genomics', role: index === 0 ? 'manager' : 'member' }] : [],
  }));
  const ann = users[0]!;
  return {
    me: {
      user: {
        id: ann.id,
        username: 'ann',
        email: ann.email,
        isAdmin,
        teams: ann.teams,
        groups: [...(isAdmin ? ['knot-admins'] : []), 'knot:team:genomics', 'knot:user:ann'],
      },
      session: { id: 's-0', startedAt: now - 2 * hour, expiresAt: now + 7 * day },
      domain: 'localhost',
      canAdminister: isAdmin,
      hasCluster: false,
      offers: [],
      minimumPasswordLength: 10,
      version: '0.1.0',
    },
    tiles: tiles(now),
    users,
    invitations: [
      { id: 'i-1', email: 'mira@example.org', createdBy: 'ann', createdAt: now - day, expiresAt: now + 6 * day },
      { id: 'i-2', email: null, createdBy: 'hana', createdAt: now - 3 * hour, expiresAt: now + 7 * day - 3 * hour },
    ],
    teams: [
      team(
        'genomics',
        'Genomics group',
        users.filter((user) => user.teams.length > 0),
        now,
      ),
      team('imaging', 'Imaging and microscopy', users.slice(4, 7), now),
      team('fieldwork', 'Field work 2027', [], now),
    ],
    sessions: sessions(now),
    connections: connections(now),
    clients: clients(now),
    policies: policies(now),
    audit: audit(now),
    components: [
      { name: 'store', status: 'ok', message: 'SQLite answers in 1 ms; 4 MB.' },
      { name: 'policies', status: 'ok', message: '6 rules in force, 14 cases pass.' },
      { name: 'certificate', status: 'ok', message: 'Made by the local CA; renewed in 61 days.' },
      { name: 'jupyterhub', status: 'working', message: 'Installing JupyterHub: step 4 of 6.' },
      {
        name: 'node',
        status: 'warning',
        message: 'Node 26.10.0 lacks the security fixes of October 2026.',
        remedy: 'Use Node 26.12.1 or newer where other people can reach this gateway.',
      },
      {
        name: 'sandbox',
        status: 'warning',
        message: 'Notebook users share one operating-system account, because bubblewrap is not installed.',
        remedy: 'Install bubblewrap (Debian: apt install bubblewrap), then restart Knot.',
      },
    ],
    isAuditIntact: true,
  };
}

function tiles(now: number): Tile[] {
  const at = (name: string) => `https://${name}.localhost:8443`;
  return [
    {
      name: 'jupyterhub',
      title: 'Notebooks',
      url: at('jupyterhub'),
      kind: 'integration',
      status: {
        status: 'preparing',
        message: 'JupyterHub is being installed. This happens once.',
        progress: 0.62,
        step: 'Installing jupyterlab (4 of 6)',
        stepStartedAt: now - 23_000,
        steps: [
          { title: 'Make a Python environment', state: 'done', startedAt: now - 31_000, endedAt: now - 23_000 },
          { title: 'Install packages', state: 'working', startedAt: now - 23_000 },
          { title: 'Start JupyterHub', state: 'waiting' },
        ],
      },
    },
    {
      name: 'lab',
      title: 'Notebooks of the institute',
      url: at('lab'),
      kind: 'integration',
      status: { status: 'ready', message: '' },
      isRunning: true,
      canStop: true,
    },
    {
      name: 'echo',
      title: 'Echo',
      url: at('echo'),
      kind: 'app',
      status: { status: 'ready', message: '' },
    },
    {
      name: 'grafana',
      title: 'Metrics',
      url: at('grafana'),
      kind: 'app',
      status: {
        status: 'failed',
        message: 'Nothing answers at the address of this tool.',
        remedy: 'Start Grafana, or correct apps[1].upstream in knot.yaml.',
      },
    },
    {
      name: 'wiki',
      title: 'Group wiki',
      url: at('wiki'),
      kind: 'app',
      status: { status: 'unreachable', message: 'The application does not answer at the moment.' },
    },
    {
      name: 'old',
      title: 'Old portal',
      url: at('old'),
      kind: 'app',
      status: { status: 'unwatched', message: 'Knot does not watch whether it runs.' },
    },
    {
      name: 'argo',
      title: 'Workflows',
      url: at('argo'),
      kind: 'integration',
      status: { status: 'off', message: 'Switched off in knot.yaml.' },
    },
  ];
}

function team(name: string, title: string, members: User[], now: number): MockTeam {
  return {
    id: `t-${name}`,
    name,
    title,
    createdAt: now - 40 * day,
    members: members.map(({ id, username, email, state }, index) => ({
      userId: id,
      username,
      email,
      state,
      role: index === 0 ? 'manager' : 'member',
      since: now - index * day,
    })),
  };
}

function connections(now: number): Connection[] {
  const kube = {
    clientId: 'kubelogin',
    name: 'kubectl on the command line',
    firstParty: true,
    isOffline: true,
  } as const;
  const wiki = { clientId: 'wiki', name: 'Wiki of the institute', firstParty: false, isOffline: false } as const;
  return [
    { ...kube, scopes: ['profile', 'groups', 'offline_access'], since: now - 12 * day, expiresAt: now + 18 * day },
    { ...wiki, scopes: ['profile', 'email'], since: now - 40 * day, expiresAt: null },
  ];
}

function clients(now: number): Client[] {
  const plain = {
    postLogoutRedirectUris: [],
    backchannelLogoutUri: null,
    isPublic: false,
    firstParty: true,
    allowedGroups: [],
    idTokenSignedResponseAlg: 'RS256',
    previousSecretUntil: null,
    createdAt: now - 90 * day,
  } as const;
  return [
    {
      ...plain,
      clientId: 'jupyterhub',
      name: 'Notebooks',
      origin: 'integration',
      redirectUris: ['https://jupyterhub.localhost/hub/oauth_callback'],
    },
    {
      ...plain,
      clientId: 'harbor',
      name: 'Images of the team',
      origin: 'admin',
      redirectUris: ['https://harbor.example.org/c/oidc/callback'],
      backchannelLogoutUri: 'http://10.0.0.9/logout',
      allowedGroups: ['knot:team:genomics'],
      previousSecretUntil: now + 20 * hour,
    },
    {
      ...plain,
      clientId: 'kubelogin',
      name: 'kubectl',
      origin: 'cli',
      isPublic: true,
      redirectUris: ['http://localhost:8000'],
    },
  ].map((client) => ({ ...client, postLogoutRedirectUris: [], allowedGroups: [...client.allowedGroups] }) as Client);
}

function sessions(now: number): Session[] {
  const session = (id: string, device: string, address: string, ageHours: number, idleMinutes: number): Session => ({
    id,
    device,
    address,
    startedAt: now - ageHours * hour,
    lastSeenAt: now - idleMinutes * minute,
    expiresAt: now + 7 * day,
    hosts: id === 's-0' ? ['jupyterhub.localhost', 'echo.localhost'] : [],
    isCurrent: id === 's-0',
  });
  return [
    session('s-0', 'Chromium on Linux', '192.0.2.14', 2, 0),
    session('s-1', 'Safari on iPhone', '198.51.100.7', 50, 190),
    session('s-2', 'Firefox on Windows', '2001:db8::51', 200, 3000),
  ];
}

function audit(now: number): AuditRecord[] {
  const acts: [string, string, string, AuditRecord['outcome'], AuditRecord['detail']][] = [
    ['policy.loaded', 'system', 'policies', 'done', { version: '7f3a9c21d0', rules: 4 }],
    ['policy.refused', 'system', 'policies', 'refused', { file: 'default.cedar', line: 9, column: 23 }],
    ['user.approved', 'ann', 'user:lena', 'done', {}],
    ['session.started', 'lena', 'session:9f2c', 'done', { device: 'Firefox on Linux' }],
    ['signin.refused', 'anonymous', 'user:mateo', 'refused', { reason: 'password' }],
    ['session.ended', 'ann', 'session:71aa', 'done', { reason: 'signed out' }],
    ['user.disabled', 'ann', 'user:jonas', 'done', {}],
    ['link.created', 'hana', 'invitation:i-2', 'done', { kind: 'invitation' }],
    ['user.promoted', 'cli', 'user:hana', 'done', {}],
    ['team.created', 'ann', 'team:imaging', 'done', { title: 'Imaging and microscopy' }],
  ];
  return Array.from({ length: 64 }, (_, index): AuditRecord => {
    const [action, actor, subject, outcome, detail] = acts[index % acts.length]!;
    return {
      seq: 64 - index,
      at: now - index * index * 47_000 - 20_000,
      action,
      actor,
      subject,
      outcome,
      ...(actor === 'system' || actor === 'cli' ? {} : { address: `192.0.2.${10 + (index % 40)}` }),
      ...(detail ? { detail } : {}),
      hash: `${(index * 2654435761).toString(16)}c0ffee5eed`.padEnd(43, 'a').slice(0, 43),
    };
  });
}
