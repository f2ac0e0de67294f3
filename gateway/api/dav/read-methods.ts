import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { covers, type Entry, type Lock, nameOf, pathOfText, textOfPath } from '../../files/index.ts';
import type { Principal } from '../../lib/index.ts';
import { identityOf } from '../context.ts';
import { sendWithDigest } from '../files/digest.ts';
import type { Place } from '../files/places.ts';
import { badDepth, finiteDepth } from './answers.ts';
import type { Dav } from './judge.ts';
import { allMethods } from './methods.ts';
import { askedIn, describeResource, type Resource, type ShownLock } from './properties.ts';
import { addressOfSpot, rootAddress, type Spot, teamsAddress } from './spots.ts';
import { documentFrom, readXml, xmlType } from './xml.ts';

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** OPTIONS, GET and PROPFIND: what is there. */
export function createReadMethods({ context, places, spots }: Dav) {
  const { owners, clock } = context;

  /** `1, 2`: with locks, which Finder and Explorer need to write at all. Told to anybody, because clients ask before they sign in. */
  const options: Handler = async (_request, reply) =>
    reply
      .headers({ dav: '1, 2', 'ms-author-via': 'DAV', allow: allMethods.join(', '), 'content-length': '0' })
      .send('');

  const get: Handler = async (request, reply) => {
    const spot = await spots.spotOf(request);
    if (spot.kind !== 'place') return describeFolder(reply);
    // Before anything is looked at, so that nobody learns what is there.
    places.demand(request, 'listFiles', spot);
    if (places.files().look(spot.disk, spot.path).kind === 'folder') return describeFolder(reply);
    places.demand(request, 'readFiles', spot);
    const opened = places.files().open(spot.disk, spot.path);
    return sendWithDigest(request, reply, { ...opened, isKept: true }, () =>
      places.follow(request, reply, 'download', 'readFiles', spot),
    );
  };

  const describeFolder = (reply: FastifyReply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send(
        'A folder for programs that speak WebDAV, such as rclone or davfs2. The page Files shows it in a browser.\n',
      );

  const propfind: Handler = async (request, reply) => {
    const depth = request.headers['depth'];
    const spot = await spots.spotOf(request);
    if (spot.kind === 'place') places.demand(request, 'listFiles', spot);
    const body = await readXml(request);
    // Without one it is everything below (RFC 4918 section 9.1), which a server may refuse.
    if (depth === undefined || String(depth).toLowerCase() === 'infinity') throw finiteDepth();
    if (depth !== '0' && depth !== '1') throw badDepth();
    const first = await resourcesOf(request, spot, depth === '1');
    const asked = askedIn(body);
    async function* responses(): AsyncGenerator<string> {
      for await (const resource of first) yield describeResource(resource, asked);
    }
    if (spot.kind === 'place') places.follow(request, reply, 'download', 'listFiles', spot);
    return reply
      .code(207)
      .type(xmlType)
      .send(Readable.from(documentFrom('multistatus', responses())));
  };

  /** The thing itself, then what is in it. Fails before the answer begins when there is nothing. */
  async function resourcesOf(request: FastifyRequest, spot: Spot, withChildren: boolean) {
    if (spot.kind !== 'place') return aboveAreas(request, spot, withChildren);
    const locks = await places.files().locks.in(spot.disk);
    const self = places.files().look(spot.disk, spot.path);
    const toResource = resourceMaker(request, spot, locks);
    const children = withChildren && self.kind === 'folder' ? places.files().each(spot.disk, spot.path) : undefined;
    return (async function* () {
      yield toResource(spot, self);
      for await (const entry of children ?? []) {
        // What has no content and holds nothing cannot be shown to a client.
        if (entry.kind !== 'file' && entry.kind !== 'folder') continue;
        yield toResource({ ...spot, path: [...spot.path, nameOf(entry.name)] }, entry);
      }
    })();
  }

  function resourceMaker(request: FastifyRequest, { area, disk }: Place, locks: readonly Lock[]) {
    const { principal } = identityOf(request);
    let usage: Promise<{ used: number; available: number | undefined }> | undefined;
    const quota = () =>
      (usage ??= places
        .files()
        .usage(disk)
        .then(({ bytes, reserved, limit }) => ({
          used: bytes,
          available: limit === undefined ? undefined : Math.max(0, limit - bytes - reserved),
        })));
    return ({ path }: Pick<Place, 'path'>, entry: Entry): Resource => {
      const isFolder = entry.kind === 'folder';
      const here = locks.length === 0 ? '' : textOfPath(path);
      return {
        address: addressOfSpot({ area, path }, isFolder),
        name: entry.name === '' ? area.name.replace(/^team:/, '') : entry.name,
        isFolder,
        entry,
        locks: locks.filter((lock) => covers(lock, here)).map((lock) => shownLock(lock, { area }, principal)),
        ...(isFolder && { quota }),
      };
    };
  }

  const shownLock = (lock: Lock, { area }: Pick<Place, 'area'>, { id }: Principal): ShownLock => ({
    lock,
    address: addressOfSpot({ area, path: pathOfText(lock.path) }, false),
    seconds: Math.max(1, Math.ceil((lock.expiresAt - clock.now()) / 1000)),
    isOwn: lock.userId === id,
  });

  /** The folder of all areas, or that of the teams: those that this person may list, and this token. */
  async function* aboveAreas(request: FastifyRequest, { kind }: Spot, withChildren: boolean): AsyncGenerator<Resource> {
    const above = (address: string, name: string): Resource => ({ address, name, isFolder: true, locks: [] });
    yield kind === 'root' ? above(rootAddress, 'Knot') : above(teamsAddress, 'team');
    if (!withChildren) return;
    const { principal } = identityOf(request);
    let hasTeams = false;
    for (const { name } of await owners.areasOf(principal)) {
      const place = await places.areaNamed(name, principal);
      if (!places.may(request, 'listFiles', place)) continue;
      const isTeam = name.startsWith('team:');
      hasTeams ||= isTeam;
      if (isTeam !== (kind === 'teams')) continue;
      yield resourceMaker(request, place, [])(place, places.files().look(place.disk, []));
    }
    if (kind === 'root' && hasTeams) yield above(teamsAddress, 'team');
  }

  return { OPTIONS: options, GET: get, HEAD: get, PROPFIND: propfind, shownLock };
}
