/** Questions about applications that sign people in with Knot. */
import { request, segment } from '#lib/api/request.ts';
import type { ClientChange, ClientList, CreatedClient, NewClient, RotatedSecret, Rotation } from '#lib/contract.ts';

const at = (clientId: string, rest = ''): string => `/clients/${segment(clientId)}${rest}`;

export const applicationsApi = {
  list: () => request<ClientList>('GET', '/clients'),
  create: (client: NewClient) => request<CreatedClient>('POST', '/clients', client),
  change: (clientId: string, change: ClientChange) => request<void>('PATCH', at(clientId), change),
  remove: (clientId: string) => request<void>('DELETE', at(clientId)),
  rotateSecret: (clientId: string, rotation: Rotation) =>
    request<RotatedSecret>('POST', at(clientId, '/secrets'), rotation),
};
