import type { ShareRight } from '../lib/index.ts';

/** What is shared: a folder or file of an area (`id` is the area's key), or a service. `path` is canonical, '' for all of it. */
export type SharedThing = { kind: 'files' | 'service'; id: string; path: string };

/** With whom: ids never change, names are for people. A guest is whoever holds the link. */
export type ShareParty = { kind: 'user' | 'team'; id: string; name: string } | { kind: 'guest' };

/** As people write it: `user:NAME`, `team:NAME` or `guest`. */
export const partyWords = (party: ShareParty): string =>
  party.kind === 'guest' ? 'guest' : `${party.kind}:${party.name}`;

export type Share = {
  id: string;
  thing: SharedThing;
  owner: { kind: 'user' | 'team'; id: string };
  party: ShareParty;
  right: ShareRight;
  /** Username. */
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
  /** A link for one browser: the first that opens it. */
  bindsBrowser: boolean;
  /** What stood there when it was last looked at, in the words of who looks; null before that. */
  mark: string | null;
};

export type NewShare = {
  thing: SharedThing;
  owner: Share['owner'];
  party: ShareParty;
  right: ShareRight;
  /** Until it ends by itself; undefined for never, which guests cannot have. */
  days?: number | undefined;
  bindsBrowser?: boolean | undefined;
};
