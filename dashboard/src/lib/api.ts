/** The one place that asks the gateway anything: every `fetch` of the dashboard is in `request`. */
import { navigating } from '$app/state';
import type {
  AuditPage,
  ClientChange,
  ClientList,
  ConnectionList,
  CreatedClient,
  NewClient,
  RotatedSecret,
  AuditQuery,
  AuditVerification,
  ChangedUser,
  CreatedInvitation,
  CreatedUser,
  Ended,
  Explanation,
  ExplanationQuestion,
  Health,
  IntegrationDetail,
  InvitationList,
  Me,
  Membership,
  MembershipChange,
  NewLink,
  NewTeam,
  NewUser,
  Policies,
  Refusal,
  SessionList,
  Team,
  TeamList,
  Tiles,
  UserChange,
  UserPage,
  UserQuery,
} from '#lib/contract.ts';
import { problemOf, type Problem } from '#lib/problem.ts';
import { urls, withQuery } from '#lib/urls.ts';

export const apiRoot = '/api/v1';

/** Thrown by every function below when the answer is not a success. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** The problem in whatever was thrown; what the API did not say becomes a plain sentence. */
export function problemIn(error: unknown): Problem {
  return error instanceof ApiError ? error.problem : problemOf(-1, undefined);
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * Asks and reads JSON. No token goes along: the gateway accepts a change only with this site's own `Origin`. Who is
 * not signed in any more (401) goes to the sign-in page and comes back here afterwards.
 */
async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await fetch(apiRoot + path, {
    method,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => undefined);
  if (!response) throw new ApiError(problemOf(0, undefined));
  if (response.status === 401) return leaveForSignIn();
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new ApiError(problemOf(response.status, answer));
  return answer as T;
}

/** Comes back to the page that was asked for, also when it is not shown yet. */
function leaveForSignIn(): Promise<never> {
  const { pathname, search, hash } = navigating.to?.url ?? location;
  location.assign(urls.signIn(pathname + search + hash));
  return new Promise(() => undefined);
}

const id = encodeURIComponent;
const keeping = (keepConnections: boolean) => ({ keepConnections: keepConnections ? 'true' : undefined });

export const api = {
  me: () => request<Me>('GET', '/me'),
  tiles: () => request<Tiles>('GET', '/tiles'),
  health: () => request<Health>('GET', '/health'),
  integration: (name: string) => request<IntegrationDetail>('GET', `/integrations/${id(name)}`),

  users: {
    list: (query: UserQuery) => request<UserPage>('GET', withQuery('/users', query)),
    create: (user: NewUser) => request<CreatedUser>('POST', '/users', user),
    change: (userId: string, change: UserChange) => request<ChangedUser>('PATCH', `/users/${id(userId)}`, change),
    remove: (userId: string) => request<void>('DELETE', `/users/${id(userId)}`),
    createResetLink: (userId: string) => request<NewLink>('POST', `/users/${id(userId)}/reset-links`),
    sessions: (userId: string) => request<SessionList>('GET', `/users/${id(userId)}/sessions`),
    endSessions: (userId: string, keepConnections = false) =>
      request<Ended>('DELETE', withQuery(`/users/${id(userId)}/sessions`, keeping(keepConnections))),
    connections: (userId: string) => request<ConnectionList>('GET', `/users/${id(userId)}/connections`),
    endConnection: (userId: string, clientId: string) =>
      request<void>('DELETE', `/users/${id(userId)}/connections/${id(clientId)}`),
  },
  invitations: {
    list: () => request<InvitationList>('GET', '/invitations'),
    create: (email?: string) => request<CreatedInvitation>('POST', '/invitations', email ? { email } : {}),
    revoke: (invitationId: string) => request<void>('DELETE', `/invitations/${id(invitationId)}`),
  },
  teams: {
    list: () => request<TeamList>('GET', '/teams'),
    create: (team: NewTeam) => request<Team>('POST', '/teams', team),
    remove: (teamId: string) => request<void>('DELETE', `/teams/${id(teamId)}`),
    setMember: (teamId: string, userId: string, membership: Membership) =>
      request<MembershipChange>('PUT', `/teams/${id(teamId)}/members/${id(userId)}`, membership),
    removeMember: (teamId: string, userId: string) =>
      request<MembershipChange>('DELETE', `/teams/${id(teamId)}/members/${id(userId)}`),
  },
  account: {
    sessions: () => request<SessionList>('GET', '/account/sessions'),
    endSession: (sessionId: string) => request<void>('DELETE', `/account/sessions/${id(sessionId)}`),
    endAllSessions: (keepConnections: boolean) =>
      request<Ended>('DELETE', withQuery('/account/sessions', keeping(keepConnections))),
    connections: () => request<ConnectionList>('GET', '/account/connections'),
    endConnection: (clientId: string) => request<void>('DELETE', `/account/connections/${id(clientId)}`),
    setPassword: (current: string, next: string, keepConnections: boolean) =>
      request<void>('PUT', '/account/password', { current, new: next, keepConnections }),
  },
  clients: {
    list: () => request<ClientList>('GET', '/clients'),
    create: (client: NewClient) => request<CreatedClient>('POST', '/clients', client),
    change: (clientId: string, change: ClientChange) => request<void>('PATCH', `/clients/${id(clientId)}`, change),
    remove: (clientId: string) => request<void>('DELETE', `/clients/${id(clientId)}`),
    rotateSecret: (clientId: string, overlapSeconds: number) =>
      request<RotatedSecret>('POST', `/clients/${id(clientId)}/secrets`, { overlapSeconds }),
  },
  policies: {
    status: () => request<Policies>('GET', '/policies'),
    explain: (question: ExplanationQuestion) => request<Explanation>('POST', '/policies/explanations', question),
    refusal: (id: string) => request<Refusal>('GET', `/policies/refusals/${encodeURIComponent(id)}`),
  },
  audit: {
    list: (query: AuditQuery) => request<AuditPage>('GET', withQuery('/audit', query)),
    verify: () => request<AuditVerification>('GET', '/audit/verification'),
  },
};
