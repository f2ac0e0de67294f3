import type { Owner } from '../owners/index.ts';

/** An address that somebody made in their namespace by hand, or asked for in vain. */
export type Address = {
  /** The same as long as the same object asks for the same host. */
  id: string;
  owner: Pick<Owner, 'kind' | 'id' | 'name'>;
  namespace: string;
  /** `Ingress web`. */
  object: string;
  host: string | undefined;
  /** As a service of its owner; undefined for one whose host is none of theirs. */
  name: string | undefined;
  /** `waiting`: it is theirs, and nobody answers there yet. */
  state: 'open' | 'waiting' | 'refused';
  /** Of all but `open`, a whole sentence. */
  reason: string | undefined;
  /** Epoch milliseconds. */
  since: number;
};
