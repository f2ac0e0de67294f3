import type { FastifyRequest } from 'fastify';
import { covers, type Entry, isBelow, type Lock, textOfPath } from '../../files/index.ts';
import { KnotError } from '../../lib/index.ts';
import type { FileActs } from '../files/acts.ts';
import type { FileNeeds, Place, Places } from '../files/places.ts';
import type { ApiContext } from '../context.ts';
import { notHere } from './answers.ts';
import { demandUnlocked, holds, notHeld, parseIf, type State, tokensIn } from './conditions.ts';
import { addressOfSpot, type createSpots } from './spots.ts';

/** What the methods are given. */
export type Dav = {
  context: FileNeeds & Pick<ApiContext, 'clock'>;
  places: Places;
  acts: FileActs;
  spots: ReturnType<typeof createSpots>;
};

/** What is known of a place when its request may go on. */
export type Judged = {
  /** Undefined when nothing is there. */
  entry: Entry | undefined;
  /** Of its whole area. */
  locks: readonly Lock[];
  /** Tokens that the client showed. */
  known: ReadonlySet<string>;
  /** The If header names a version: it must still be that one when the act happens. */
  isVersioned: boolean;
};

export type Judge = ReturnType<typeof createJudge>;

/** The conditions and locks of a request. Whether somebody may at all is asked before, so that nobody learns from these what is there. */
export function createJudge({ places, spots }: Pick<Dav, 'places' | 'spots'>) {
  function look({ disk, path }: Place): Entry | undefined {
    try {
      return places.files().look(disk, path);
    } catch (error) {
      if (error instanceof KnotError && ['KNOT_FILES_NOT_FOUND', 'KNOT_FILES_NOT_A_FOLDER'].includes(error.code)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Of what is in a folder that somebody may only add to, they learn nothing: for them nothing is there. */
  const lookFor = (request: FastifyRequest, place: Place): Entry | undefined =>
    places.maySee(request, place) ? look(place) : undefined;

  /** Of the whole area; for who does not see what is in a folder, those of what they know to be there. */
  async function locksFor(request: FastifyRequest, place: Place): Promise<readonly Lock[]> {
    const locks = await places.files().locks.in(place.disk);
    const depth = places.knownFolders(request, place);
    if (depth === undefined) return locks;
    const known = textOfPath(place.path.slice(0, depth));
    return locks.filter(({ path }) => path === known || isBelow(known, path));
  }

  const stateAt = (request: FastifyRequest, place: Place, locks: readonly Lock[]): State => ({
    etag: lookFor(request, place)?.etag ?? '',
    locks: locks.filter((lock) => covers(lock, textOfPath(place.path))),
  });

  /** Of an address in the If header; of what somebody may not list nothing is known. */
  async function stateIn(request: FastifyRequest, address: string): Promise<State | undefined> {
    const spot = await spots.spotIn(request, address).catch(() => undefined);
    if (spot?.kind !== 'place' || !places.may(request, 'listFiles', spot)) return undefined;
    return stateAt(request, spot, await places.files().locks.in(spot.disk));
  }

  return {
    look,
    lookFor,
    locksFor,
    /** @throws KNOT_API_DAV_CONDITION (400, 412) */
    async judge(request: FastifyRequest, place: Place): Promise<Judged> {
      const locks = await locksFor(request, place);
      const header = request.headers['if'];
      const lists = parseIf(Array.isArray(header) ? header.join(' ') : header);
      const isTrue = await holds(lists, async (address) =>
        address === undefined ? stateAt(request, place, locks) : stateIn(request, address),
      );
      if (!isTrue) throw notHeld();
      return {
        entry: lookFor(request, place),
        locks,
        known: tokensIn(lists),
        isVersioned: lists.some(({ conditions }) => conditions.some(({ tag, isNot }) => tag !== undefined && !isNot)),
      };
    },
    /** @throws KNOT_FILES_LOCKED with the address of what is */
    demandUnlocked(
      request: FastifyRequest,
      place: Place,
      { locks, known }: Pick<Judged, 'locks' | 'known'>,
      reach: { isWhole: boolean; isMember: boolean },
    ): void {
      demandUnlocked(request, {
        place,
        locks,
        known,
        ...reach,
        addressOf: (path) => addressOfSpot({ ...place, path }, false),
      });
    },
    /** The place that a request is about, which must be something in an area. @throws KNOT_API_DAV_METHOD */
    async placeOf(request: FastifyRequest, what: string, status: 403 | 405 = 405): Promise<Place> {
      const spot = await spots.spotOf(request);
      if (spot.kind === 'place' && spot.path.length > 0) return spot;
      throw notHere(what, status);
    },
  };
}
