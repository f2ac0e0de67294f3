import { type Exposure, exposureOf, type KubeObject } from '../kube/index.ts';

/** An Ingress or HTTPRoute, as much of it as is looked at. */
export type Entry = {
  kind: 'Ingress' | 'HTTPRoute';
  namespace: string;
  name: string;
  /** RFC 3339, to the second. */
  createdAt: string;
  isEnding: boolean;
  exposure: Exposure;
};

export function entryOf({ kind, metadata, spec }: KubeObject): Entry {
  const { namespace = '', name, creationTimestamp: createdAt = '', deletionTimestamp } = metadata;
  return {
    ...{ kind: kind as Entry['kind'], namespace, name, createdAt, isEnding: deletionTimestamp !== undefined },
    exposure: exposureOf({ kind, spec }, namespace),
  };
}

/** As people write it: `Ingress web`. */
export const calledOf = ({ kind, name }: Pick<Entry, 'kind' | 'name'>): string => `${kind} ${name}`;

/** The oldest first, then by name: who comes first has a host (Gateway API, "Conflicts"). */
export const byAge = (one: Entry, other: Entry): number =>
  compare(one.createdAt, other.createdAt) || compare(one.name, other.name) || compare(one.kind, other.kind);

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
