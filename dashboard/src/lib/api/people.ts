/** Questions about people with an account, and what admins do to them. */
import { keepingConnections } from '#lib/api/account.ts';
import { request, segment, textual } from '#lib/api/request.ts';
import type {
  People,
  PersonAccess,
  ChangedUser,
  ConnectionList,
  CreatedUser,
  Ended,
  NewLink,
  NewUser,
  SessionList,
  User,
  UserChange,
  UserPage,
  UserQuery,
} from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const at = (userId: string, rest = ''): string => `/users/${segment(userId)}${rest}`;

export const peopleApi = {
  list: (query: UserQuery) => request<UserPage>('GET', withQuery('/users', textual(query))),
  /** For everybody: by name alone, and only who is active. */
  search: (typed: string) => request<People>('GET', withQuery('/people', { q: typed })),
  access: (idOrName: string) => request<PersonAccess>('GET', at(idOrName, '/access')),
  find: (idOrName: string) => request<User>('GET', at(idOrName)),
  create: (user: NewUser) => request<CreatedUser>('POST', '/users', user),
  change: (userId: string, change: UserChange) => request<ChangedUser>('PATCH', at(userId), change),
  remove: (userId: string) => request<void>('DELETE', at(userId)),
  createResetLink: (userId: string) => request<NewLink>('POST', at(userId, '/reset-links')),
  sessions: (userId: string) => request<SessionList>('GET', at(userId, '/sessions')),
  endSessions: (userId: string, keepConnections = false) =>
    request<Ended>('DELETE', withQuery(at(userId, '/sessions'), keepingConnections(keepConnections))),
  endSession: (userId: string, sessionId: string) =>
    request<void>('DELETE', at(userId, `/sessions/${segment(sessionId)}`)),
  connections: (userId: string) => request<ConnectionList>('GET', at(userId, '/connections')),
  endConnection: (userId: string, clientId: string) =>
    request<void>('DELETE', at(userId, `/connections/${segment(clientId)}`)),
};
