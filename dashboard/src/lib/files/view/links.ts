/** Where links and images in a text lead: beside it in its own area, or out; never into a script. */
import { addressOfName, refusalOfName } from '#lib/files/names.ts';
import { childOf, parentOf, type Place } from '#lib/files/place.ts';
import { urls } from '#lib/urls.ts';

export type Target =
  | { kind: 'out'; href: string; host: string }
  | { kind: 'here'; place: Place; hash: string }
  | { kind: 'part'; hash: string }
  | { kind: 'data'; href: string };

const pictures = /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i;

/**
 * What an address in a text in `folder` means, or undefined when it leads nowhere a page may lead (`javascript:` and every other scheme
 * but those of the web and of mail). Beside a text that stands in no folder there is nothing.
 */
export function targetOf(address: string, folder: Place | undefined): Target | undefined {
  // What a browser drops before it looks (WHATWG URL, section 4.4).
  // eslint-disable-next-line no-control-regex -- these are control characters
  const trimmed = address.replaceAll(/[\u0000-\u0020]+$|^[\u0000-\u0020]+|[\t\n\r]/g, '');
  if (trimmed.startsWith('#')) return { kind: 'part', hash: trimmed.slice(1) };
  if (pictures.test(trimmed)) return { kind: 'data', href: trimmed };
  if (/^[a-z][a-z0-9+.-]*:/i.test(trimmed) || /^[/\\]{2}/.test(trimmed)) return outOf(trimmed);
  if (folder === undefined) return undefined;
  const place = within(trimmed.split(/[?#]/, 1)[0]!, folder);
  return place && { kind: 'here', place, hash: /#(.*)$/.exec(trimmed)?.[1] ?? '' };
}

function outOf(address: string): Target | undefined {
  const url = URL.parse(address, 'https://invalid.invalid/');
  if (url?.protocol === 'mailto:') return { kind: 'out', href: url.href, host: url.pathname };
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined;
  return { kind: 'out', href: url.href, host: url.host };
}

/** A relative path below the area; a leading slash means its top. */
function within(path: string, folder: Place): Place | undefined {
  let place: Place = path.startsWith('/') ? { area: folder.area, address: '' } : folder;
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (place.address === '') return undefined;
      place = parentOf(place);
      continue;
    }
    const address = segmentOf(part);
    if (address === undefined) return undefined;
    place = childOf(place, { address });
  }
  return place;
}

/** One name of a path as an address, however it was written. */
function segmentOf(part: string): string | undefined {
  try {
    const name = decodeURIComponent(part);
    return refusalOfName(name) === undefined ? addressOfName(name) : undefined;
  } catch {
    return undefined;
  }
}

/** The page that shows a file or folder of the area. */
export function pageOf(place: Place): string {
  const name = place.address.slice(place.address.lastIndexOf('/') + 1);
  return name === '' ? urls.folder(place) : urls.folder(parentOf(place), { view: name });
}
