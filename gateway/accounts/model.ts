import type { AuditEntry, Principal, TeamRole, UserState } from '../lib/index.ts';
import type { Transaction } from '../store/index.ts';
import type { Kept, Verified } from './loss.ts';
import type { UserUndo } from './undo.ts';

export type User = {
  id: string;
  username: string;
  email: string;
  /** Whether the person showed that the address is theirs. */
  isEmailProven: boolean;
  isAdmin: boolean;
  state: UserState;
  /** False while the name is only wished for: others may wish for it too, and only the id says who is meant. */
  hasName: boolean;
  hasPassword: boolean;
  /** Of the password and the account's state: a sign-in checked against an older one begins nothing (see `admit`). */
  credentialVersion: number;
  createdAt: number;
  lastSignInAt: number | null;
  teams: readonly { name: string; role: TeamRole }[];
};

/** The person after a change; `undo` is what takes it back, where it changed something and all of it can come back. */
export type ChangedUser = User & { undo?: UserUndo };

/** What takes a change of a membership back: the role before, and the version of the person that must still stand. */
export type MembershipUndo = { role: TeamRole; undoes: number };

export type TeamMember = { userId: string; username: string; role: TeamRole };

export type Team = { id: string; name: string; title: string; createdAt: number; members: readonly TeamMember[] };

/** Who causes a change, for the audit record: a username, `cli`, `system`, `anonymous`; and from where. */
export type Actor = { name: string; address?: string };

export type LinkKind = 'setup' | 'invitation' | 'reset';

export type Link = {
  id: string;
  kind: LinkKind;
  userId: string | null;
  email: string | null;
  createdBy: string;
  createdAt: number;
  expiresAt: number;
};

export type NewUser = {
  username: string;
  email: string;
  password?: string;
  isAdmin?: boolean;
  state: UserState;
  /** The person showed that the address is theirs. */
  isEmailProven?: boolean;
};

/** Writes an audit entry inside the same transaction as the change it tells of. Given by `app.ts` from `audit`. */
export type RecordAudit = (transaction: Transaction, entry: AuditEntry) => Promise<void>;

/** `by`: a column; ties are broken by name and id, so that pages neither repeat nor leave out anybody. */
export type UserSort = { by: 'name' | 'email' | 'state' | 'createdAt' | 'lastSignInAt'; isDescending: boolean };

/** `search` is looked for in names and addresses; `team` is a name; `limit` is 50 by default. Unsorted, those who wait come first, then by name. */
export type UserQuery = {
  search?: string;
  state?: UserState;
  isAdmin?: boolean;
  team?: string;
  sort?: UserSort;
  limit?: number;
  offset?: number;
};

/** How many the query finds of each state, whatever state it asks for, and with admin rights, whether or not it asks for those. */
export type UserCounts = Record<UserState | 'admin', number>;

export type UserPage = { users: User[]; total: number; counts: UserCounts };

/** A team without the list of its members. */
export type TeamSummary = {
  id: string;
  name: string;
  title: string;
  createdAt: number;
  members: number;
  managers: number;
};

export type TeamSort = { by: 'title' | 'name' | 'members' | 'createdAt'; isDescending: boolean };
/** `search` is looked for in titles and names; by title when no order is asked for. `names`: only those. */
export type TeamQuery = { names?: readonly string[]; search?: string; sort?: TeamSort; limit: number; offset: number };

export type MemberSort = { by: 'name' | 'role' | 'since'; isDescending: boolean };
/** `search` is looked for in names and, with `searchesEmail`, in addresses; managers come first when no order is asked for. */
export type MemberQuery = {
  searchesEmail: boolean;
  search?: string;
  role?: TeamRole;
  sort?: MemberSort;
  limit: number;
  offset: number;
};

/** `since`: milliseconds since the epoch. */
export type Membership = {
  userId: string;
  username: string;
  email: string;
  state: UserState;
  role: TeamRole;
  since: number;
};

/**
 * All methods that change something: one transaction with its audit entry, announces `users` (key: user id) on the change
 * feed, and throws KNOT_ACCOUNTS_* (4xx) when refused. Last-admin protection holds in every one of them.
 */
export type Accounts = {
  /** Cached; kept fresh by the change feed. Undefined for an unknown id. */
  principal(userId: string): Promise<Principal | undefined>;
  /** The cached principal without waiting; undefined when it is not in the cache (then call `principal`). */
  peekPrincipal(userId: string): Principal | undefined;
  principalByName(username: string): Promise<Principal | undefined>;

  /**
   * An account that is `pending` takes neither name nor address until it is approved, and is compared with nobody.
   * @throws KNOT_ACCOUNTS_* with `details.problems` naming every field that is refused
   */
  createUser(user: NewUser, actor: Actor): Promise<User>;
  /**
   * A stranger asks for an account that an administrator approves. `isTold`: the mailbox is told the outcome, so what cannot
   * become an account is not kept; else it waits, and who approves it is told what is in the way.
   * @throws as `createUser`, for what is wrong with the form itself
   */
  askForAccount(
    wish: { username: string; email: string; password: string },
    actor: Actor,
    options: { isTold: boolean },
  ): Promise<{ outcome: 'waiting' | 'name-taken' } | { outcome: 'known'; username: string }>;
  /** A stranger asks for a link with which to make an account; none is made for an address that has one. */
  askForLink(
    wish: { email: string; lifetimeSeconds: number },
    actor: Actor,
  ): Promise<{ outcome: 'known'; username: string } | { outcome: 'link'; link: Link; token: string }>;
  findUser(id: string): Promise<User | undefined>;
  /** By name; failing that, the sign-up that has waited longest under it. */
  findUserByName(username: string): Promise<User | undefined>;
  listUsers(query: UserQuery): Promise<UserPage>;
  /** Names of active people that begin with what was typed (three letters or more), or are exactly that; the exact one first. */
  findActiveNames(typed: string, limit: number): Promise<string[]>;
  /**
   * Disabling ends, in the same transaction, everything the person is signed in to; so does an undo of an approval.
   * `undoes`: takes an earlier act back (`undo.ts`); to `pending` nothing else leads.
   * @throws KNOT_ACCOUNTS_CHANGED when the person was changed since
   */
  setState(userId: string, state: UserState, actor: Actor, undoes?: number): Promise<ChangedUser>;
  setAdmin(userId: string, isAdmin: boolean, actor: Actor, undoes?: number): Promise<ChangedUser>;
  /** Ends open reset links that were mailed to the address of before. */
  setEmail(userId: string, email: string, actor: Actor): Promise<User>;
  /** Several of the above as one act: all of them or, when one is refused, none. */
  changeUser(
    userId: string,
    change: { email?: string | undefined; state?: 'active' | 'disabled' | undefined; isAdmin?: boolean | undefined },
    actor: Actor,
  ): Promise<ChangedUser>;
  /** Ends, in the same transaction, everything the person is signed in to. */
  deleteUser(userId: string, actor: Actor): Promise<void>;
  /** True once an active admin with a password exists: the setup link is dead from then on. */
  hasAdmin(): Promise<boolean>;

  /** Whose account a sign-in form means: a username or an e-mail address, lower-cased. */
  findSignIn(name: string): Promise<{ id: string; username: string } | undefined>;
  /**
   * To be called before anything is read or counted for a sign-in: a thousand at once are then refused without any work.
   * @throws KNOT_ACCOUNTS_BUSY when so many wait for a look at their password that one more would be refused
   */
  expectRoom(): void;
  /**
   * Checks the password of a username or e-mail address, in the same time whether or not the account exists (a dummy hash is verified). Never says why it
   * failed; `pending`/`disabled` are only revealed to who knows the password.
   */
  verifyPassword(name: string, password: string): Promise<{ user: User } | undefined>;
  /**
   * Replaces the password of somebody whose present one was verified, and ends every session and connected application but what
   * is kept.
   * @throws KNOT_ACCOUNTS_PASSWORD_WEAK naming the rule that failed, KNOT_ACCOUNTS_CREDENTIAL_CHANGED when another act was faster
   */
  setPassword(user: Verified, password: string, actor: Actor, kept?: Kept): Promise<void>;
  /**
   * Inside the transaction that begins a session: true when the account is active and its credential is the one that was
   * verified; holds both until the transaction ends, and notes the time of the sign-in.
   */
  admit(transaction: Transaction, user: Verified): Promise<boolean>;
  /** Inside a transaction that derives a right from a session: whether the account is active; holds that until it ends. */
  holdActive(transaction: Transaction, userId: string): Promise<boolean>;

  /**
   * Makes a one-time link and returns its token once. A new setup link replaces the older ones.
   * @throws KNOT_ACCOUNTS_EMAIL_TAKEN for an invitation to an address that has an account
   */
  createLink(
    link: { kind: LinkKind; userId?: string; email?: string; lifetimeSeconds: number },
    actor: Actor,
  ): Promise<{ link: Link; token: string }>;
  /** Makes an account together with the link that sets its first password: both or neither. @throws as `createUser` */
  createUserWithLink(
    user: NewUser,
    link: { lifetimeSeconds: number },
    actor: Actor,
  ): Promise<{ user: User; link: Link; token: string }>;
  /** A reset link was sent to this address: whoever redeems it reads what is sent there. */
  noteMailed(linkId: string, email: string): Promise<void>;
  /** The link a token stands for, if it is neither used nor expired (setup: nor an admin exists). */
  findLink(token: string, kind: LinkKind): Promise<Link | undefined>;
  /** Uses the link and does what it is for, atomically: creates the admin or invited user (active), or sets the password (and ends the person's sessions). */
  redeemLink(
    token: string,
    kind: LinkKind,
    input: { username?: string; email?: string; password: string; keepsConnections?: boolean },
    actor: Actor,
  ): Promise<User>;
  listLinks(): Promise<Link[]>;
  revokeLink(id: string, actor: Actor): Promise<void>;

  createTeam(team: { name: string; title: string }, actor: Actor): Promise<Team>;
  /** All of them, or those of these names; by name. */
  listTeams(names?: readonly string[]): Promise<Team[]>;
  memberIds(teamId: string): Promise<string[]>;
  findTeam(id: string): Promise<{ id: string; name: string; title: string } | undefined>;
  /** Whom a name belongs to: a person or a team that exists now, whatever its state. */
  findOwner(name: string): Promise<{ kind: 'user' | 'team'; id: string; name: string; title: string } | undefined>;
  /** Everybody who has a name of their own, and every team; by name. Those who wait for approval own nothing yet. */
  listOwners(): Promise<{ kind: 'user' | 'team'; id: string; name: string; title: string }[]>;
  /** By id or by name. */
  teamSummary(idOrName: string): Promise<TeamSummary | undefined>;
  findTeams(query: TeamQuery): Promise<{ teams: TeamSummary[]; total: number }>;
  /** `counts`: of each role, whatever role the query asks for. */
  findMembers(
    teamId: string,
    query: MemberQuery,
  ): Promise<{ members: Membership[]; total: number; counts: Record<TeamRole, number> }>;
  deleteTeam(id: string, actor: Actor): Promise<void>;
  /** `undoes` as in `setState`. A first membership has no undo of its own: removing the member is one. */
  setMember(
    teamId: string,
    userId: string,
    role: TeamRole,
    actor: Actor,
    undoes?: number,
  ): Promise<MembershipUndo | undefined>;
  removeMember(teamId: string, userId: string, actor: Actor): Promise<MembershipUndo | undefined>;

  /** Hears that a principal may have changed (this or another process). */
  onChange(listener: (userId: string) => void): () => void;
};
