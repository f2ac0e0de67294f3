/** What people ask about their own account and change in it. */
import { request, segment } from '#lib/api/request.ts';
import type { ConnectionList, Ended, PasswordChange, SessionList } from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

/** The query that leaves connected applications as they are. */
export const keepingConnections = (keepConnections: boolean) => ({
  keepConnections: keepConnections ? 'true' : undefined,
});

export const accountApi = {
  sessions: () => request<SessionList>('GET', '/account/sessions'),
  endSession: (sessionId: string) => request<void>('DELETE', `/account/sessions/${segment(sessionId)}`),
  endAllSessions: (keepConnections: boolean) =>
    request<Ended>('DELETE', withQuery('/account/sessions', keepingConnections(keepConnections))),
  connections: () => request<ConnectionList>('GET', '/account/connections'),
  endConnection: (clientId: string) => request<void>('DELETE', `/account/connections/${segment(clientId)}`),
  setPassword: (change: PasswordChange) => request<void>('PUT', '/account/password', change),
};
