/** Questions about whom an owner lets into files, and finding whom to let in. */
import { request, segment, textual } from '#lib/api/request.ts';
import type { ChangedShare, CreatedShare, EndedShare, NewShare, People, ShareList } from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

const at = (id: string): string => `/shares/${segment(id)}`;

export const sharesApi = {
  list: (query: { area?: string; address?: string } = {}) =>
    request<ShareList>('GET', withQuery('/shares', textual(query))),
  create: (share: NewShare) => request<CreatedShare>('POST', '/shares', share),
  revoke: (id: string) => request<EndedShare>('DELETE', at(id)),
  /** Epoch milliseconds; null for no end. */
  setEnd: (id: string, expiresAt: number | null) => request<ChangedShare>('PATCH', at(id), { expiresAt }),
  /** Active people and teams, by a whole name or its first letters. */
  parties: (q: string) => request<People>('GET', withQuery('/people', { q })),
};
