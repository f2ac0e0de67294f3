/** Who acts: the facts that policies, headers and claims are computed from. Built by `accounts`, read by everyone. */

export type UserState = 'pending' | 'active' | 'disabled';
/** A guest has no account: somebody who holds the link of a share. */
export type PrincipalState = UserState | 'guest';
export type TeamRole = 'member' | 'manager';

export type Principal = {
  /** Immutable subject id (UUID): the `sub` of every token, the id of the Cedar `User`. */
  id: string;
  username: string;
  email: string;
  /** The person showed that the address is theirs; otherwise nobody knows. */
  isEmailProven?: boolean;
  isAdmin: boolean;
  state: PrincipalState;
  teams: readonly { name: string; role: TeamRole }[];
  /** The groups claim: `knot-admins`, `knot:team:<name>`, `knot:user:<name>`. */
  groups: readonly string[];
  /** Changes whenever anything above changes; part of the key of cached decisions and assertions. */
  version: number;
};

/** The session facts a flow may read. `id` is public (it is listed); the cookie value is never kept. */
export type Session = {
  id: string;
  userId: string;
  /** '' for the central session on DOMAIN, else the service host it is bound to. */
  host: string;
  /** Id of the central session; equal to `id` for the central session itself. */
  centralId: string;
  startedAt: number;
  /** When the person last proved who they are (`auth_time`), milliseconds. */
  authenticatedAt: number;
  /** Absolute end, milliseconds. */
  expiresAt: number;
};

/** What a personal token lets its holder do of what the person may; `area` as addresses name it (`team:physics`). */
export type TokenGrant = {
  id: string;
  name: string;
  allows(subject: string, act: 'read' | 'write', area?: string): boolean;
};

/**
 * Who acts. With a token there is no sign-in: `session` then has the id of the token, so that what is open by it ends with it.
 */
export type Identity = { session: Session; principal: Principal; token?: TokenGrant };

/** Resolves the secret of a `Bearer` credential to an active person; undefined when it is none. */
export type IdentifyBearer = (secret: string, address: string) => Promise<Identity | undefined>;

/** Resolves the `Cookie` header of a request on `host` to an active person; undefined when there is none. */
export type Identify = (cookieHeader: string | undefined, host: string) => Promise<Identity | undefined>;

/** What somebody is called where a name is told or written down: a guest has none, and `guest` is nobody's. */
export const shownName = ({ state, username }: Pick<Principal, 'state' | 'username'>): string =>
  state === 'guest' ? 'guest' : username;

/** The groups claim of a person (DESIGN.md section 5). */
export function groupsOf(username: string, isAdmin: boolean, teams: readonly string[]): string[] {
  return [
    ...(isAdmin ? ['knot-admins'] : []),
    ...teams.map((team) => `knot:team:${team}`).sort(),
    `knot:user:${username}`,
  ];
}
