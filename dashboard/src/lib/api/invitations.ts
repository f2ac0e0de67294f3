/** Questions about people who have no account yet. */
import { request, segment } from '#lib/api/request.ts';
import type { CreatedInvitation, InvitationList } from '#lib/contract.ts';

export const invitationsApi = {
  list: () => request<InvitationList>('GET', '/invitations'),
  create: (email?: string) => request<CreatedInvitation>('POST', '/invitations', email ? { email } : {}),
  revoke: (invitationId: string) => request<void>('DELETE', `/invitations/${segment(invitationId)}`),
};
