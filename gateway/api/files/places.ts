import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  addressOfPath,
  areaOfKey,
  type DiskArea,
  type Files,
  type Path,
  pathOfAddress,
  pathOfText,
  textOfPath,
} from '../../files/index.ts';
import { knotError, type Principal } from '../../lib/index.ts';
import type { LiveKind } from '../../live/index.ts';
import type { Area } from '../../owners/index.ts';
import { type AreaAction, createAreaQuestions } from '../areas.ts';
import { identityOf, type Needs } from '../context.ts';
import { followAnswer } from '../open-streams.ts';

/** What the routes of files, uploads and acts on files are given. */
export type FileNeeds = Needs<
  | 'files'
  | 'fileSettings'
  | 'owners'
  | 'shares'
  | 'accounts'
  | 'sessions'
  | 'live'
  | 'audit'
  | 'publicAddress'
  | 'actorOf'
  | 'addressOf'
  | 'decide'
  | 'demand'
>;

/** A place that a request names, with the area as policies and as the disk know it. */
export type Place = { area: Area; disk: DiskArea; path: Path };

export type Places = ReturnType<typeof createPlaces>;

/** Where a request points, whether it may, and for how long. */
export function createPlaces(context: FileNeeds) {
  const { owners, shares, files, addressOf } = context;
  const { decideArea, demandArea } = createAreaQuestions(context);

  const filesOrRefusal = (): Files => {
    if (files !== undefined) return files;
    throw knotError('KNOT_FILES_UNAVAILABLE', 503, 'Files are not available on this system.', {
      remedy: 'Run Knot on Linux: only there can it open files without following links that lead out of an area.',
    });
  };

  async function areaNamed(name: string, principal: Principal): Promise<Place> {
    const area = await owners.area(name, principal);
    const disk = area && areaOfKey(area.key);
    if (area === undefined || disk === undefined) {
      throw knotError('KNOT_API_NO_AREA', 404, 'There is no such area of files.', {
        remedy: 'The areas are `private`, `shared`, `team:NAME` and `admin`; GET /api/v1/areas lists yours.',
      });
    }
    return { area, disk, path: [] };
  }

  /** `AREA/PATH`, percent-encoded. */
  async function placeNamed(address: string, principal: Principal): Promise<Place> {
    const slash = address.indexOf('/');
    const [area, path] = slash === -1 ? [address, ''] : [address.slice(0, slash), address.slice(slash + 1)];
    let name: string;
    try {
      name = decodeURIComponent(area);
    } catch {
      name = '';
    }
    return { ...(await areaNamed(name, principal)), path: pathOfAddress(path) };
  }

  /** `AREA/PATH` behind `/api/v1/files/`, without a slash at the end. */
  function addressIn(request: FastifyRequest): string {
    const path = request.raw.url!.split('?', 1)[0]!;
    return path.slice(path.indexOf('/files/') + '/files/'.length).replace(/\/$/, '');
  }

  const question = (principal: Principal, action: AreaAction, { area, path }: Place) => ({
    principal,
    action,
    area,
    path: textOfPath(path),
  });

  /** Of what is shared with whoever asks; nothing when it is their own. */
  function noteUse(request: FastifyRequest, { area, path }: Place): void {
    const { principal } = identityOf(request);
    const thing = { kind: 'files', id: area.key, path: textOfPath(path) } as const;
    shares.noteUse(principal, thing, { who: principal.id, name: principal.username, address: addressOf(request) });
  }

  /** The topmost folder that shares let somebody into on the way to a place; undefined in areas they enter anyway. */
  function rootOf(request: FastifyRequest, { area, disk, path }: Place): string | undefined {
    const { principal } = identityOf(request);
    if (decideArea(request, question(principal, 'listFiles', { area, disk, path: [] })).effect === 'allow')
      return undefined;
    const here = `${textOfPath(path)}/`;
    const above = shares
      .givenTo(principal)
      .filter(({ thing, right }) => thing.id === area.key && right !== 'upload' && here.startsWith(`${thing.path}/`))
      .map(({ thing }) => thing.path)
      .sort((a, b) => a.length - b.length);
    return above[0] === undefined ? undefined : addressOfPath(pathOfText(above[0]));
  }

  const may = (request: FastifyRequest, action: AreaAction, place: Place): boolean =>
    decideArea(request, question(identityOf(request).principal, action, place)).effect === 'allow';

  /** Whether somebody may learn if a name is taken, or what has it: who may list its folder. */
  const maySee = (request: FastifyRequest, place: Place): boolean =>
    may(request, 'listFiles', { ...place, path: place.path.slice(0, -1) });

  /** Whether somebody is told how full an area is: who comes into a part of it only is not. */
  const maySeeUsage = (request: FastifyRequest, place: Place): boolean =>
    may(request, 'listFiles', { ...place, path: [] });

  /**
   * How many folders on the way to a place stand for all that somebody knows who may only add to it: down to the topmost one that they
   * may add to. Undefined for who sees what is there.
   */
  function knownFolders(request: FastifyRequest, place: Place): number | undefined {
    if (maySee(request, place)) return undefined;
    const above = place.path.slice(0, -1);
    for (let depth = 0; depth < above.length; depth++)
      if (may(request, 'addFiles', { ...place, path: above.slice(0, depth) })) return depth;
    return above.length;
  }

  return {
    files: filesOrRefusal,
    noteUse,
    rootOf,
    areaNamed,
    placeNamed,
    /** What stands behind `/api/v1/files/` in the address, as it came: the router would decode it. */
    placeOf: (request: FastifyRequest): Promise<Place> => placeNamed(addressIn(request), identityOf(request).principal),
    addressIn,
    may,
    maySee,
    maySeeUsage,
    knownFolders,
    /** @throws KNOT_API_DENIED, KNOT_API_TOKEN_SCOPE */
    demand: (request: FastifyRequest, action: AreaAction, place: Place): void =>
      demandArea(request, question(identityOf(request).principal, action, place)),
    /**
     * Keeps a transfer among the open streams for as long as it lasts: it is cut within two seconds when its right ends, like
     * every other one.
     */
    follow(request: FastifyRequest, reply: FastifyReply, kind: LiveKind, action: AreaAction, place: Place): void {
      noteUse(request, place);
      const isStillAllowed = async (now: Principal): Promise<boolean> => {
        const area = await owners.area(place.area.name, now);
        return area?.key === place.area.key && decideArea(request, question(now, action, place)).effect === 'allow';
      };
      followAnswer(context, request, reply, kind, isStillAllowed);
    },
  };
}
