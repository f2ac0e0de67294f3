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

/** The shares of one thing, and the same by whom they let in: people and guests by the ids of principals, members by the names of teams. */
type OfThing = { all: Set<Share> } & Record<Share['party']['kind'], Map<string, Set<Share>>>;

/** `isThere`: whether what was shared is what stands there. */
export function createShareIndex(isThere: (share: Share) => boolean): ShareIndex {
  const byId = new Map<string, Share>();
  /** By kind, then by id. */
  const byThing = new Map<string, Map<string, OfThing>>();
  const byParty = new Map<string, Set<string>>();
  const nobody: ReadonlySet<string> = new Set();

  const partiesOf = ({ owner, party }: Share): string[] => (party.kind === 'guest' ? [owner.id] : [owner.id, party.id]);

  const sharesOf = ({ kind, id }: { kind: string; id: string }): OfThing | undefined => byThing.get(kind)?.get(id);

  function remove(id: string): Share | undefined {
    const share = byId.get(id);
    if (!share) return undefined;
    byId.delete(id);
    const { kind, id: thingId } = share.thing;
    const ofThing = sharesOf(share.thing);
    if (ofThing) {
      ofThing.all.delete(share);
      takeFrom(ofThing[share.party.kind], holderOf(share), share);
      if (ofThing.all.size === 0) byThing.get(kind)?.delete(thingId);
    }
    for (const party of partiesOf(share)) takeFrom(byParty, party, id);
    return share;
  }

  function isLive(share: Share, thing: SharedThing, now: number): boolean {
    if (share.expiresAt !== null && share.expiresAt <= now) return false;
    return isBelow(thing.path, share.thing.path) && isThere(share);
  }

  function rightBits(shares: ReadonlySet<Share> | undefined, thing: SharedThing, now: number): number {
    let bits = 0;
    if (shares !== undefined)
      for (const share of shares) if (isLive(share, thing, now)) bits |= 1 << shareRights.indexOf(share.right);
    return bits;
  }

  return {
    put(share) {
      remove(share.id);
      byId.set(share.id, share);
      const { kind, id } = share.thing;
      const ofKind = byThing.get(kind) ?? new Map<string, OfThing>();
      const ofThing: OfThing = ofKind.get(id) ?? { all: new Set(), user: new Map(), team: new Map(), guest: new Map() };
      byThing.set(kind, ofKind.set(id, ofThing));
      ofThing.all.add(share);
      addTo(ofThing[share.party.kind], holderOf(share), share);
      for (const party of partiesOf(share)) addTo(byParty, party, share.id);
    },
    remove,
    get: (id) => byId.get(id),
    all: () => [...byId.values()],
    matching({ state, id, teams }, thing, now) {
      const ofThing = sharesOf(thing);
      if (ofThing === undefined) return [];
      const held =
        state === 'guest'
          ? [ofThing.guest.get(id)]
          : [ofThing.user.get(id), ...teams.map(({ name }) => ofThing.team.get(name))];
      return held.flatMap((shares) => [...(shares ?? [])].filter((share) => isLive(share, thing, now)));
    },
    // Of each forwarded request: nothing is made on the way, and shares with others are not touched.
    rightsOn({ state, id, teams }, thing, now) {
      const ofThing = sharesOf(thing);
      if (ofThing === undefined) return undefined;
      if (state === 'guest') return rightsIn[rightBits(ofThing.guest.get(id), thing, now)];
      let found = rightBits(ofThing.user.get(id), thing, now);
      if (ofThing.team.size > 0) for (const { name } of teams) found |= rightBits(ofThing.team.get(name), thing, now);
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
    ofThing: (kind, id) => [...(sharesOf({ kind, id })?.all ?? [])],
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

/** The id of the principal whom a share lets in, or the name of the team. A guest's is made of the share (`guestOf`). */
function holderOf({ id, party }: Share): string {
  return party.kind === 'team' ? party.name : party.kind === 'user' ? party.id : `guest:${id}`;
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, one: T): void {
  sets.set(key, (sets.get(key) ?? new Set<T>()).add(one));
}

function takeFrom<T>(sets: Map<string, Set<T>>, key: string, one: T): void {
  const set = sets.get(key);
  set?.delete(one);
  if (set?.size === 0) sets.delete(key);
}
