/** Questions about the platform itself: who asks, what they may open, how its parts are. */
import { request, segment } from '#lib/api/request.ts';
import type { Health, IntegrationDetail, Me, Tiles, TileStopped } from '#lib/contract.ts';

export const platformApi = {
  me: () => request<Me>('GET', '/me'),
  tiles: () => request<Tiles>('GET', '/tiles'),
  /** Answers when what runs in it for this person has ended. */
  stop: (tool: string) => request<TileStopped>('POST', `/tiles/${segment(tool)}/stop`, {}),
  health: () => request<Health>('GET', '/health'),
  integration: (name: string) => request<IntegrationDetail>('GET', `/integrations/${segment(name)}`),
};
