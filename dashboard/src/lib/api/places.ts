/** Questions about the places of people and teams in the cluster. */
import { request, segment } from '#lib/api/request.ts';
import type { OwnPlace, Place, PlaceList } from '#lib/contract.ts';

const at = (kind: Place['kind'], name: string): string => `/provisioning/${kind}/${segment(name)}`;

export const placesApi = {
  all: () => request<PlaceList>('GET', '/provisioning'),
  of: (kind: Place['kind'], name: string) => request<OwnPlace>('GET', at(kind, name)),
  run: (kind: Place['kind'], name: string) => request<undefined>('POST', `${at(kind, name)}/run`, {}),
};
