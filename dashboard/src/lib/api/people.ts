/** Questions about people with an account, and what admins do to them. */
import { keepingConnections } from '#lib/api/account.ts';
import { request, segment } from '#lib/api/request.ts';
import type {
  ChangedUser,
  ConnectionList,
  CreatedUser,
  Ended,
  NewLink,
  NewUser,
  SessionList,
  UserChange,
  UserPage,
  UserQuery,
} from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const at = (userId: string, rest = ''): string => `/users/${segment(userId)}${rest}`;

export const peopleApi = {
  list: (query: UserQuery) => request<UserPage>('GET', withQuery('/users', query)),
  create: (user: NewUser) => request<CreatedUser>('POST', '/users', user),
  change: (userId: string, change: UserChange) => request<ChangedUser>('PATCH', at(userId), change),
  remove: (userId: string) => request<void>('DELETE', at(userId)),
  createResetLink: (userId: string) => request<NewLink>('POST', at(userId, '/reset-links')),
  sessions: (userId: string) => request<SessionList>('GET', at(userId, '/sessions')),
  endSessions: (userId: string, keepConnections = false) =>
    request<Ended>('DELETE', withQuery(at(userId, '/sessions'), keepingConnections(keepConnections))),
  connections: (userId: string) => request<ConnectionList>('GET', at(userId, '/connections')),
  endConnection: (userId: string, clientId: string) =>
    request<void>('DELETE', at(userId, `/connections/${segment(clientId)}`)),
};
