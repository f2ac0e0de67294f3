import { type Principal, type ShareRight, shareRights } from '../lib/index.ts';
import type { Share, SharedThing } from './share.ts';

/** All shares by what they are of: asked for each request, so it waits for nothing. */
export type ShareIndex = {
  put(share: Share): void;
  remove(id: string): Share | undefined;
  get(id: string): Share | undefined;
  all(): Share[];
  /** Those of a thing and of the folders above a path that let somebody in now. */
  matching(principal: Principal, thing: SharedThing, now: number): Share[];
  rightsOn(principal: Principal, thing: SharedThing, now: number): readonly ShareRight[] | undefined;
  /** Ids of the shares that are with a person or team, or of what one owns. */
  about(partyId: string): ReadonlySet<string>;
  /** The earliest end of any, in milliseconds. */
  nextEnd(): number | undefined;
  /** Those that ended by themselves. */
  ended(now: number): Share[];
  ofThing(kind: string, id: string): Share[];
  withTeams(names: ReadonlySet<string>): Share[];
  clear(): void;
};

/** By the bits of `shareRights`: undefined for none. */
const rightsIn = Array.from({ length: 1 << shareRights.length }, (_, bits): readonly ShareRight[] | undefined =>
  bits === 0 ? undefined : Object.freeze(shareRights.filter((_right, index) => bits & (1 << index))),
);

/** `isThere`: whether what was shared is what stands there. */
export function createShareIndex(isThere: (share: Share) => boolean): ShareIndex {
  const byId = new Map<string, Share>();
  /** By kind, then by id. */
  const byThing = new Map<string, Map<string, Set<Share>>>();
  const byParty = new Map<string, Set<string>>();
  const nobody: ReadonlySet<string> = new Set();

  const partiesOf = ({ owner, party }: Share): string[] => (party.kind === 'guest' ? [owner.id] : [owner.id, party.id]);

  const sharesOf = ({ kind, id }: { kind: string; id: string }): Set<Share> | undefined => byThing.get(kind)?.get(id);

  function remove(id: string): Share | undefined {
    const share = byId.get(id);
    if (!share) return undefined;
    byId.delete(id);
    const { kind, id: thingId } = share.thing;
    const ofThing = sharesOf(share.thing);
    ofThing?.delete(share);
    if (ofThing?.size === 0) byThing.get(kind)?.delete(thingId);
    for (const party of partiesOf(share)) {
      const ids = byParty.get(party);
      ids?.delete(id);
      if (ids?.size === 0) byParty.delete(party);
    }
    return share;
  }

  function matching(principal: Principal, thing: SharedThing, now: number): Share[] {
    const found: Share[] = [];
    for (const share of sharesOf(thing) ?? []) if (isMatch(share, principal, thing, now)) found.push(share);
    return found;
  }

  function isMatch(share: Share, principal: Principal, thing: SharedThing, now: number): boolean {
    if (share.expiresAt !== null && share.expiresAt <= now) return false;
    return isWith(share, principal) && isBelow(thing.path, share.thing.path) && isThere(share);
  }

  return {
    put(share) {
      remove(share.id);
      byId.set(share.id, share);
      const { kind, id } = share.thing;
      const ofKind = byThing.get(kind) ?? new Map<string, Set<Share>>();
      byThing.set(kind, ofKind.set(id, (ofKind.get(id) ?? new Set()).add(share)));
      for (const party of partiesOf(share)) byParty.set(party, (byParty.get(party) ?? new Set()).add(share.id));
    },
    remove,
    get: (id) => byId.get(id),
    all: () => [...byId.values()],
    matching,
    rightsOn(principal, thing, now) {
      const shares = sharesOf(thing);
      if (shares === undefined) return undefined;
      // Of each forwarded request: nothing is made on the way.
      let found = 0;
      for (const share of shares)
        if (isMatch(share, principal, thing, now)) found |= 1 << shareRights.indexOf(share.right);
      return rightsIn[found];
    },
    about: (partyId) => byParty.get(partyId) ?? nobody,
    nextEnd() {
      let next: number | undefined;
      for (const { expiresAt } of byId.values()) {
        if (expiresAt !== null && (next === undefined || expiresAt < next)) next = expiresAt;
      }
      return next;
    },
    ended: (now) => [...byId.values()].filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now),
    ofThing: (kind, id) => [...(sharesOf({ kind, id }) ?? [])],
    withTeams: (names) =>
      names.size === 0 ? [] : [...byId.values()].filter(({ party }) => party.kind === 'team' && names.has(party.name)),
    clear() {
      byId.clear();
      byThing.clear();
      byParty.clear();
    },
  };
}

/** Whether a path is a folder's, or one in it. Paths are canonical: segments with one slash between them, '' for all. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '' || path === folder || (path.startsWith(folder) && path[folder.length] === '/');
}

function isWith({ id, party }: Share, principal: Principal): boolean {
  if (principal.state === 'guest') return party.kind === 'guest' && principal.id === `guest:${id}`;
  if (party.kind === 'user') return party.id === principal.id;
  if (party.kind !== 'team') return false;
  for (const { name } of principal.teams) if (name === party.name) return true;
  return false;
}
