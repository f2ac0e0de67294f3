import { checkName, type Resource } from '../lib/index.ts';
import { foldedSegments } from './folded.ts';
import { createNamespacedPaths, everybody } from './namespaced.ts';
import type { Route, ServiceFacts } from './route.ts';

/**
 * What a path stands for.
 *
 * - The path is decoded once by the caller. `/user/ann/lab` on a route with the owned prefix `/user/` is the Service
 *   `<name>/ann` owned by `ann`; a prefix with nothing after it, and every other path, is the Integration.
 * - Case matters, and prefix and username must stand there exactly. A path that some upstream might read as an owned one –
 *   other case, doubled or backward slashes, `;parameters`, a second encoding, look-alike Unicode, dot segments – is a
 *   Service that nobody owns, so that the rules of the integration never open it.
 * - Where a route has namespaces, a path into that of a person or team is the Service `<name>/OWNER` of theirs, and a path that could be
 *   read in two ways, or leads into another namespace, is a Service that nobody owns. One that leads into all of them is the Service
 *   `<name>/*`.
 * - Every path of a service is that service.
 * - A username that has not the shape of one is nobody's either.
 */
export function resourceAt(route: Route, decodedPath: string, query = ''): Resource {
  const map = mapOf(route);
  if (route.service !== undefined) return map.self;
  if (map.namespaceOf !== undefined) {
    const found = map.namespaceOf(decodedPath, query);
    if (found === 'nobodys') return map.nobodys;
    if (found === 'everybodys') return map.everybodys;
    if (found !== undefined) return serviceOf(route, map.self, found.owner, found.isTeam);
  }
  for (const prefix of map.prefixes) {
    if (!decodedPath.startsWith(prefix)) continue;
    const end = decodedPath.indexOf('/', prefix.length);
    const username = decodedPath.slice(prefix.length, end === -1 ? undefined : end);
    if (username === '') break;
    if (checkName(username)?.reason === 'pattern') return map.nobodys;
    const rest = end === -1 ? '' : decodedPath.slice(end);
    return mayClimb(rest) ? map.nobodys : serviceOf(route, map.self, username);
  }
  return map.prefixes.length > 0 && mayBeOwned(map, decodedPath) ? map.nobodys : map.self;
}

type RouteMap = {
  prefixes: string[];
  folded: string[][];
  namespaceOf: ReturnType<typeof createNamespacedPaths> | undefined;
  self: Resource;
  nobodys: Resource;
  everybodys: Resource;
};

/** Computed once per route object; routes are frozen when they are loaded. */
const maps = new WeakMap<Route, RouteMap>();

function mapOf(route: Route): RouteMap {
  let map = maps.get(route);
  if (!map) {
    const self: Resource = route.service ? serviceResource(route.service, route.title) : toolResource(route);
    map = {
      // The longest first: `/a/b/` wins over `/a/`.
      prefixes: [...route.ownedPrefixes].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)),
      folded: route.ownedPrefixes.map(foldedSegments),
      namespaceOf: route.namespaces && createNamespacedPaths(route.namespaces),
      self,
      nobodys: serviceOf(route, self, ''),
      everybodys: serviceOf(route, self, everybody),
    };
    maps.set(route, map);
  }
  return map;
}

type Tool = Pick<Route, 'name' | 'title' | 'audience'>;

const toolResource = ({ name, title, audience }: Tool): Resource => ({
  type: 'Integration',
  id: name,
  attributes: { name, title, audience },
});

/** What a person or a team has in a tool, wherever it is asked for: what a path into their namespace stands for. */
export const partOf = (tool: Tool, owner: { kind: 'user' | 'team'; name: string }): Resource =>
  serviceOf(tool, toolResource(tool), owner.name, owner.kind === 'team');

/** A service that somebody launched, wherever it is asked for: on its host, or in a list. */
export function serviceResource({ label, owner, isTeam }: Omit<ServiceFacts, 'id'>, title: string): Resource {
  return {
    type: 'Service',
    id: `${owner}/${label}`,
    attributes: { name: label, title, owner, ...(isTeam && { team: owner }) },
  };
}

function serviceOf(route: Pick<Route, 'name'>, integration: Resource, owner: string, isTeam = false): Resource {
  return {
    type: 'Service',
    id: `${route.name}/${owner}`,
    attributes: { ...integration.attributes, owner, ...(isTeam && { team: owner }) },
    parent: { type: 'Integration', id: route.name },
  };
}

const suspicious = /[%\\;A-Z]|\/\/|\/\.|[^\x21-\x7e]/;

/** Whether any upstream could take the path for an owned one although it does not start with an owned prefix exactly. */
function mayBeOwned(map: RouteMap, path: string): boolean {
  if (!suspicious.test(path)) return false;
  const segments = foldedSegments(path);
  if (segments.some(isDot)) return true;
  return map.folded.some(
    (prefix) => segments.length > prefix.length && prefix.every((segment, index) => segments[index] === segment),
  );
}

/** Whether the part after the username could lead out of it. */
function mayClimb(rest: string): boolean {
  return /[\\%;]|\/\.|[^\x21-\x7e]/.test(rest) && foldedSegments(rest).some(isDot);
}

const isDot = (segment: string): boolean => segment === '.' || segment === '..';
