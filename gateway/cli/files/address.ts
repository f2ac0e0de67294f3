import { pathOfText, textOfPath } from '../../files/index.ts';
import { knotError, printable } from '../../lib/index.ts';
import { UsageError } from '../command.ts';
import type { Place } from './side.ts';

/** What was typed as `AREA:/PATH`. `isFolder`: with a slash at the end. */
export type Typed = Place & { isFolder: boolean };

/** `team:physics:/a/b`: the area ends where the path begins. @throws UsageError */
export function typedPlace(text: string): Typed {
  const at = text.indexOf(':/');
  if (at < 1) throw new UsageError(`"${text}" is not AREA:/PATH, such as private:/notes.txt or team:physics:/data`);
  const path = text.slice(at + 1);
  return { area: text.slice(0, at), path: pathOfText(path), isFolder: path.endsWith('/') };
}

/** For a line at a terminal. */
export const shownPlace = ({ area, path }: Place): string => `${area}:/${printable(textOfPath(path))}`;

export const nothingAt = (place: Place) =>
  knotError('KNOT_FILES_NOT_FOUND', 404, `${shownPlace(place)}: there is nothing of this name.`);
