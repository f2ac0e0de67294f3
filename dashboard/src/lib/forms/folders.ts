/** Folders of file areas as services see them: `/files/private/…`, `/files/shared/…`, `/files/team/NAME/…`. */
import type { FileArea } from '#lib/contract.ts';
import { pathIn, type Place } from '#lib/files/place.ts';
import type { FormFacts } from './facts.ts';

/** The areas that a service of this owner has: a team's has no person's own. */
export function areasFor(areas: readonly FileArea[], owner: FormFacts['owner']): FileArea[] {
  return areas.filter(({ kind, owner: whose }) => {
    if (kind === 'shared') return true;
    if (kind === 'team') return owner?.kind !== 'team' || whose?.name === owner.name;
    return kind === 'private' && owner?.kind !== 'team';
  });
}

const areaPath = (area: string): string => (area.startsWith('team:') ? `team/${area.slice('team:'.length)}` : area);

/** Where a service finds it. */
export function servicePath(place: Place): string {
  const path = pathIn(place);
  return `/files/${areaPath(place.area)}${path === '' ? '' : `/${path}`}`;
}

/** The place of such a path; undefined for what is none. */
export function placeOf(path: string): Place | undefined {
  const [, area, team, rest] = /^\/files\/(?:(private|shared)|team\/([a-z0-9]+))((?:\/[^/]+)*)\/?$/.exec(path) ?? [];
  const name = area ?? (team === undefined ? undefined : `team:${team}`);
  if (name === undefined) return undefined;
  const address = (rest ?? '').split('/').filter(Boolean).map(encodeURIComponent).join('/');
  return { area: name, address };
}

/** A name that is no text on the disk cannot be written into a value. */
export const canBeNamed = (name: string): boolean => !/[\uf000-\uf0ff\0]/.test(name);
