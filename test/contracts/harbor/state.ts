import { randomBytes } from 'node:crypto';

/** What Harbor keeps in its database, as far as Knot can see it. */
export type State = {
  users: User[];
  groups: { id: number; name: string }[];
  projects: Project[];
  robots: Robot[];
  artifacts: Artifact[];
  sessions: Map<string, Session>;
  settings: Settings;
  nextId(): number;
};

/** Tokens of the issuer, kept with the user for the sake of CLI secrets. `expiresAt`: of the access token, milliseconds. */
export type IssuerTokens = {
  accessToken: string;
  idToken: string;
  refreshToken: string | undefined;
  expiresAt: number;
};

export type User = {
  id: number;
  username: string;
  email: string;
  isAdmin: boolean;
  /** Whether the issuer's groups make them one, as of their last sign-in. */
  adminByGroup: boolean;
  groups: string[];
  password?: string;
  oidc?: { subjectAndIssuer: string; secret: string; tokens: IssuerTokens };
};

export type Member = { id: number; roleId: number } & ({ userId: number } | { groupId: number });

export type Project = {
  id: number;
  name: string;
  isPublic: boolean;
  createdAt: string;
  owner: string;
  members: Member[];
  /** Bytes; -1 is no limit. */
  storageLimit: number;
};

export type Access = { resource: string; action: string };
export type Permission = { kind: string; namespace: string; access: Access[] };

export type Robot = {
  id: number;
  /** As it signs in: with the prefix, and with the project where it has one. */
  name: string;
  level: 'system' | 'project';
  projectId: number | undefined;
  description: string;
  secret: string;
  duration: number;
  /** Seconds; -1 is never. */
  expiresAt: number;
  isDisabled: boolean;
  permissions: Permission[];
  createdAt: string;
};

export type Artifact = {
  projectId: number;
  /** With the project before it. */
  repository: string;
  digest: string;
  size: number;
  mediaType: string;
  configMediaType: string;
  pushedAt: string;
  tags: string[];
};

export type Session = { state?: string; verifier?: string; redirect?: string; userId?: number; csrf: string };

export type Settings = Record<string, string | boolean | number> & {
  auth_mode: string;
  robot_name_prefix: string;
};

export function newState(adminPassword: string): State {
  let last = 1;
  const state: State = {
    users: [
      { ...noGroups, id: 1, username: 'admin', email: 'admin@example.com', isAdmin: true, password: adminPassword },
    ],
    groups: [],
    projects: [],
    robots: [],
    artifacts: [],
    sessions: new Map(),
    settings: {
      auth_mode: 'db_auth',
      primary_auth_mode: false,
      self_registration: false,
      project_creation_restriction: 'everyone',
      robot_name_prefix: 'robot$',
      token_expiration: 30,
      oidc_name: '',
      oidc_endpoint: '',
      oidc_client_id: '',
      oidc_client_secret: '',
      oidc_scope: '',
      oidc_groups_claim: '',
      oidc_admin_group: '',
      oidc_group_filter: '',
      oidc_user_claim: '',
      oidc_auto_onboard: false,
      oidc_verify_cert: true,
      oidc_logout: false,
      oidc_extra_redirect_parms: '{}',
    },
    nextId: () => ++last,
  };
  // Each installation has it from the start.
  state.projects.push({
    ...{ id: 1, name: 'library', isPublic: true, createdAt: new Date().toISOString(), owner: 'admin' },
    ...{ members: [{ id: 1, roleId: 1, userId: 1 }], storageLimit: -1 },
  });
  return state;
}

export const noGroups = { adminByGroup: false, groups: [] };

/** 32 letters and digits, with one of each kind in front, as the rules for secrets ask. */
export const randomSecret = (): string =>
  `Aa1${randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x').slice(0, 29)}`;

export class HarborError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (message: string): HarborError => new HarborError(400, 'BAD_REQUEST', message);
export const unauthorized = (): HarborError => new HarborError(401, 'UNAUTHORIZED', 'unauthorized');
export const forbidden = (message = 'forbidden'): HarborError => new HarborError(403, 'FORBIDDEN', message);
export const notFound = (message: string): HarborError => new HarborError(404, 'NOT_FOUND', message);
export const conflict = (message: string): HarborError => new HarborError(409, 'CONFLICT', message);
export const precondition = (message: string): HarborError => new HarborError(412, 'PRECONDITION', message);
export const unprocessable = (message: string): HarborError => new HarborError(422, 'UNPROCESSABLE_ENTITY', message);
