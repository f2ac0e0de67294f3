import type { FastifyRequest } from 'fastify';
import { addressOfPath, type Path, pathOfAddress } from '../../files/index.ts';
import { knotError, type Principal } from '../../lib/index.ts';
import type { Area } from '../../owners/index.ts';
import { identityOf } from '../context.ts';
import type { Place, Places } from '../files/places.ts';
import { davMethods } from './methods.ts';

/**
 * What an address of WebDAV leads to. Areas are folders that people can type and every system can show: `/dav/private`, `/dav/shared`,
 * `/dav/admin`, `/dav/team/NAME`; above them are the folder of all areas and that of the teams, in which nothing else can be.
 */
export type Spot = { kind: 'root' } | { kind: 'teams' } | ({ kind: 'place' } & Place);

const prefix = davMethods.below;
export const rootAddress = `${prefix}/`;
export const teamsAddress = `${prefix}/team/`;

/** As a client is told it: percent-encoded, a folder with a slash at its end. */
export function addressOfSpot({ area, path }: { area: Pick<Area, 'name'>; path: Path }, isFolder: boolean): string {
  const [kind, team] = area.name.split(':', 2);
  const start = team === undefined ? `${prefix}/${kind}` : `${prefix}/${kind}/${team}`;
  return `${start}${path.length === 0 ? '' : `/${addressOfPath(path)}`}${isFolder ? '/' : ''}`;
}

export function createSpots(places: Places, origin: string) {
  const ownHost = new URL(origin).host;

  async function spotAt(path: string, principal: Principal): Promise<Spot> {
    const rest = path.slice(prefix.length).replace(/^\//, '');
    const [first = '', ...more] = rest.split('/');
    if (first === '' && more.length === 0) return { kind: 'root' };
    const isTeams = first === 'team';
    if (isTeams && (more.length === 0 || (more.length === 1 && more[0] === ''))) return { kind: 'teams' };
    const area = isTeams ? `team:${more.shift()}` : first;
    // Other names of areas (`user:NAME`) are no folders here.
    if (!/^(?:private|shared|admin|team:[a-z0-9]+)$/.test(area)) throw noSuchArea();
    return { kind: 'place', ...(await places.areaNamed(area, principal)), path: pathOfAddress(more.join('/')) };
  }

  return {
    /** Of the request's own address, as it came. */
    spotOf: (request: FastifyRequest): Promise<Spot> =>
      spotAt(request.raw.url!.split('?', 1)[0]!, identityOf(request).principal),
    /**
     * Of an address in a header: absolute, or its path alone (RFC 4918 section 8.3); undefined when it is of another server. It is read
     * as it stands, and nothing in it is resolved.
     * @throws KNOT_API_DAV_DESTINATION
     */
    async spotIn(request: FastifyRequest, address: string): Promise<Spot | undefined> {
      const [, authority, path] = /^(?:https?:\/\/([^/?#@\s]+))?(\/[!-~]*)$/i.exec(address.trim()) ?? [];
      if (path === undefined || /[?#\\]/.test(path)) throw badDestination();
      const isOurs = [ownHost, request.headers.host].some((host) => host?.toLowerCase() === authority?.toLowerCase());
      if (authority !== undefined && !isOurs) return undefined;
      if (path !== prefix && !path.startsWith(rootAddress)) return undefined;
      return spotAt(path, identityOf(request).principal);
    },
  };
}

const noSuchArea = () =>
  knotError('KNOT_API_NO_AREA', 404, 'There is no such area of files.', {
    remedy: `The areas are ${rootAddress}private/, ${rootAddress}shared/ and ${teamsAddress}NAME/.`,
  });

export const badDestination = () =>
  knotError('KNOT_API_DAV_DESTINATION', 400, 'The Destination is missing or is no address of a file here.', {
    remedy: 'Send the absolute address of the target, percent-encoded.',
  });
