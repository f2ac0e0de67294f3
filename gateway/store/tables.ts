import type { Generated, Insertable, Selectable } from 'kysely';
import type {
  ServiceRevisionsTable,
  ServicesTable,
  ServiceTransitionsTable,
  ServiceUseTable,
} from './service-tables.ts';
import type { Flag, GuestVisitsTable, SharesTable, ShareUsesTable } from './share-tables.ts';

/**
 * Every table of the store. Times are milliseconds since the epoch, booleans are 0 or 1, JSON is text: the subset that
 * SQLite and PostgreSQL share. Each table is read and written by exactly one module's `records.ts`.
 */

/** accounts: every name ever given to a user or team; rows are never deleted, so a name is never reused. */
export type NamesTable = {
  name: string;
  /** Look-alike form (`nameSkeleton`), unique. */
  skeleton: string;
  kind: 'user' | 'team';
  owner_id: string;
  created_at: number;
};

export type UsersTable = {
  id: string;
  username: string;
  email: string;
  /** Lower-cased, unique. */
  email_key: string;
  /** The name of a sign-up that waits for approval and holds none yet; `username` and `email_key` are placeholders then. */
  wished_name: string | null;
  is_admin: Flag;
  state: 'pending' | 'active' | 'disabled';
  /** PHC string, or null until the person chose one. */
  password_hash: string | null;
  /** Grows with each act that replaces the password or takes the account away: what was verified against an older one is void. */
  credential_version: Generated<number>;
  /** Grows with each change of anything the principal shows. */
  version: number;
  created_at: number;
  last_sign_in_at: number | null;
  /** When the person showed that they read what is sent to `email`; null while nobody knows. */
  email_proven_at: number | null;
};

export type TeamsTable = { id: string; name: string; title: string; created_at: number };

export type MembershipsTable = { team_id: string; user_id: string; role: 'member' | 'manager'; created_at: number };

/** accounts: setup, invitation and reset links; only the hash of the token is kept. */
export type LinksTable = {
  token_hash: string;
  id: string;
  kind: 'setup' | 'invitation' | 'reset';
  /** The account a reset link is for. */
  user_id: string | null;
  email: string | null;
  created_by: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
};

/** login: failed attempts per counter (throttle.ts). */
export type AttemptsTable = { key: string; failures: number; window_started_at: number; blocked_until: number };

/** login: browsers (`device:<hash>`) and networks (`network:<address>`) from which somebody signed in before. */
export type KnownPlacesTable = { user_id: string; place: string; last_used_at: number };

/** sessions: central sessions (host '') and the per-host sessions bound to them. */
export type SessionsTable = {
  secret_hash: string;
  id: string;
  central_id: string;
  host: string;
  user_id: string;
  device: string;
  address: string;
  started_at: number;
  authenticated_at: number;
  last_seen_at: number;
  expires_at: number;
};

/** sessions: one-time codes of the exchange between the main host and a service host. */
export type HandoffCodesTable = {
  code_hash: string;
  session_id: string;
  host: string;
  binding: string;
  next: string;
  expires_at: number;
  used_at: number | null;
  /** The host session it was exchanged for: a replay of the code ends that session. */
  made_session_id: string | null;
};

/** sessions: where people wanted to go while they sign in, when that is too long to travel in another address. */
export type KeptAddressesTable = {
  id: string;
  address: string;
  /** Hash of a random cookie of the browser that asked. */
  browser: string;
  /** The network it asked from. */
  client: string;
  kept_at: number;
};

/** sessions: why a central session ended, told to the browser that still shows its cookie. */
export type EndedSessionsTable = {
  secret_hash: string;
  reason: string;
  forget_at: number;
  /** The session that goes on under another secret. */
  central_id: string | null;
};

/** oidc: every model of the provider except clients. */
export type OidcRecordsTable = {
  model: string;
  id: string;
  payload: string;
  grant_id: string | null;
  uid: string | null;
  user_code: string | null;
  account_id: string | null;
  consumed_at: number | null;
  expires_at: number | null;
};

export type OidcClientsTable = {
  client_id: string;
  name: string;
  /** Where it comes from: `config`, `integration`, `cli` or `admin`. */
  origin: string;
  metadata: string;
  created_at: number;
};

/** oidc: back-channel logouts that a client has not taken yet. */
export type OidcLogoutNoticesTable = {
  id: string;
  client_id: string;
  account_id: string;
  sid: string | null;
  /** How often it was tried. */
  attempts: number;
  due_at: number;
};

/** keys: signing keys; the newest active one signs, all that are not expired are published. */
export type SigningKeysTable = {
  kid: string;
  algorithm: string;
  private_jwk: string;
  created_at: number;
  /** From when it may sign: published before that, so that clients know it in time. */
  active_from: number;
  /** Until when it is published, or null while it is current. */
  expires_at: number | null;
};

/** routes: the unique map from host to route. */
export type RoutesTable = { host: string; name: string; kind: string; record: string; created_at: number };

/** audit: append-only, each row's hash covers the row before it. */
export type AuditTable = {
  seq: number;
  at: number;
  action: string;
  actor: string;
  subject: string;
  outcome: string;
  address: string | null;
  detail: string;
  previous_hash: string;
  hash: string;
};

/** audit: under which names a line is found; made from the lines, and no part of the chain. */
export type AuditMentionsTable = { name: string; at: number; seq: number };

/** denials: refusals of the last day by their decision id. */
export type DenialsTable = { id: string; at: number; detail: string };

/** files: what each area uses, as far as Knot's own acts and the last count tell. */
export type FileUsageTable = {
  /** `private/USER-ID`, `team/TEAM-ID`, `shared`, `admin`. */
  area: string;
  bytes: number;
  /** Grows with each act, so that a count that one overtook is not believed. */
  changes: number;
  counted_at: number | null;
};

/** files: room promised to an upload or another act that is still writing. */
export type FileReservationsTable = {
  id: string;
  area: string;
  bytes: number;
  /** The gateway that writes; '' when any may go on with it. */
  run: string;
  expires_at: number;
};

/** tokens: personal access tokens; only the hash of the secret is kept. */
export type TokensTable = {
  id: string;
  user_id: string;
  name: string;
  secret_hash: string;
  /** Last characters of the secret. */
  hint: string;
  /** Separated by spaces. */
  scopes: string;
  created_at: number;
  expires_at: number;
  last_used_at: number | null;
  last_used_from: string | null;
};

/** owners: plans that an administrator gave; `owner_id` is one of the other two. */
export type OwnerPlansTable = {
  owner_id: string;
  user_id: string | null;
  team_id: string | null;
  plan: string;
  given_by: string;
  given_at: number;
};

/** files: which gateway writes to an upload now, for as long as it says so again and again. */
export type UploadLocksTable = {
  id: string;
  /** Random; who holds the lock knows it. */
  holder: string;
  run: string;
  /** Somebody else waits for it. */
  is_wanted: Flag;
  expires_at: number;
};

/** files: locks that clients of WebDAV took. */
export type FileLocksTable = {
  token: string;
  area: string;
  path: string;
  /** Of all below as well. */
  is_deep: Flag;
  is_shared: Flag;
  user_id: string;
  /** What others are shown. */
  owner: string;
  expires_at: number;
};

/** integrations: what an owner has in a tool. `state`: `ready` or `failed`, with the cause. */
export type ToolPlacesTable = {
  tool: string;
  owner_id: string;
  owner_kind: string;
  owner_name: string;
  state: string;
  cause: string | null;
  since: number;
};

/** provisioning: how far somebody's place in the cluster is. `steps` and `overrides` are JSON. */
export type ProvisioningTable = {
  owner_id: string;
  owner_kind: string;
  owner_name: string;
  namespace: string;
  /** By which the namespace is known again where its labels were taken off. */
  namespace_uid: string | null;
  state: string;
  since: number;
  steps: string;
  overrides: string;
  /** Hash of what was wanted when all of it was there last. */
  converged: string | null;
};

/** discovery: what people made reachable in the cluster by hand. */
export type DiscoveredAddressesTable = {
  id: string;
  owner_id: string;
  owner_kind: string;
  owner_name: string;
  namespace: string;
  /** `Ingress web`. */
  object: string;
  host: string | null;
  name: string | null;
  state: string;
  reason: string | null;
  since: number;
};

/** store: what other processes on the same store must hear about. */
export type ChangesTable = { id: Generated<number>; topic: string; key: string; at: number; origin: string };

/** Small values of one module each, keyed `<module>.<name>`. */
export type SettingsTable = { key: string; value: string };

export type Tables = {
  names: NamesTable;
  users: UsersTable;
  teams: TeamsTable;
  memberships: MembershipsTable;
  links: LinksTable;
  attempts: AttemptsTable;
  known_places: KnownPlacesTable;
  sessions: SessionsTable;
  handoff_codes: HandoffCodesTable;
  kept_addresses: KeptAddressesTable;
  ended_sessions: EndedSessionsTable;
  oidc_records: OidcRecordsTable;
  oidc_clients: OidcClientsTable;
  oidc_logout_notices: OidcLogoutNoticesTable;
  signing_keys: SigningKeysTable;
  routes: RoutesTable;
  audit: AuditTable;
  audit_mentions: AuditMentionsTable;
  denials: DenialsTable;
  file_usage: FileUsageTable;
  file_reservations: FileReservationsTable;
  tokens: TokensTable;
  owner_plans: OwnerPlansTable;
  shares: SharesTable;
  share_uses: ShareUsesTable;
  guest_visits: GuestVisitsTable;
  upload_locks: UploadLocksTable;
  services: ServicesTable;
  service_transitions: ServiceTransitionsTable;
  service_revisions: ServiceRevisionsTable;
  file_locks: FileLocksTable;
  provisioning: ProvisioningTable;
  service_use: ServiceUseTable;
  tool_places: ToolPlacesTable;
  discovered_addresses: DiscoveredAddressesTable;
  changes: ChangesTable;
  settings: SettingsTable;
};

export type Row<T extends keyof Tables> = Selectable<Tables[T]>;
export type NewRow<T extends keyof Tables> = Insertable<Tables[T]>;
