/** Folders of file areas as services see them: `/files/private/…`, `/files/shared/…`, `/files/team/NAME/…`. */
import type { FileArea } from '#lib/contract.ts';
import { inNotebooks, isEscaped, placeNamed } from '#lib/files/names.ts';
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

/** Where a service finds it; undefined where services do not reach. */
export const servicePath = (place: Place): string | undefined => inNotebooks(place.area, textIn(pathIn(place)));

/** An address escapes some of what is text as well (`addressOfName`). */
const textIn = (path: string): string =>
  path.replaceAll(/[\uf000-\uf07f]/g, (escaped) => String.fromCharCode(escaped.charCodeAt(0) - 0xf000));

/** The place of such a path; undefined for what is none. */
export function placeOf(path: string): Place | undefined {
  const [, area, team, rest] = /^\/files\/(?:(private|shared)|team\/([a-z0-9]+))((?:\/[^/]+)*)\/?$/.exec(path) ?? [];
  const name = area ?? (team === undefined ? undefined : `team:${team}`);
  if (name === undefined) return undefined;
  const top: Place = { area: name, address: '' };
  return (rest ?? '').split('/').filter(Boolean).reduce(placeNamed, top);
}

/** A name that is no text on the disk cannot be written into a value. */
export const canBeNamed = (name: string): boolean => ![...name].some(isEscaped);
