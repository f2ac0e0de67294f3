/** Questions about the platform itself: who asks, what they may open, how its parts are. */
import { request, segment } from '#lib/api/request.ts';
import type { Health, IntegrationDetail, Me, Tiles } from '#lib/contract.ts';

export const platformApi = {
  me: () => request<Me>('GET', '/me'),
  tiles: () => request<Tiles>('GET', '/tiles'),
  health: () => request<Health>('GET', '/health'),
  integration: (name: string) => request<IntegrationDetail>('GET', `/integrations/${segment(name)}`),
};
