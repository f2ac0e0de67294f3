/** Questions about my personal tokens. */
import { request, segment } from '#lib/api/request.ts';
import type { CreatedToken, NewToken, TokenList } from '#lib/contract.ts';

export const tokensApi = {
  list: () => request<TokenList>('GET', '/tokens'),
  create: (token: NewToken) => request<CreatedToken>('POST', '/tokens', token),
  revoke: (tokenId: string) => request<void>('DELETE', `/tokens/${segment(tokenId)}`),
};
