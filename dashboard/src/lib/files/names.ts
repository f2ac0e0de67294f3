/**
 * Names of files as people type and read them. A name on the disk is bytes; the API writes what is no text in it as characters of
 * U+F000–U+F0FF, one a byte (gateway/files/walk/names.ts).
 */
import type { Place } from '#lib/files/place.ts';

const mostBytes = 255;

/** The name as part of an address: the gateway's own rule, because its edge refuses what others read in two ways. */
export function addressOfName(name: string): string {
  const escape = (character: string): string => String.fromCharCode(0xf000 + character.charCodeAt(0));
  const text = name
    .replaceAll('\\', escape)
    .replace(/\.$/, escape)
    .replace(/^(\.{1,2});/, (_, before: string) => before + escape(';'));
  return encodeURIComponent(text);
}

/** The place of something of this name in a folder. */
export const placeNamed = ({ area, address }: Place, name: string): Place => ({
  area,
  address: address === '' ? addressOfName(name) : `${address}/${addressOfName(name)}`,
});

/** Why nothing can be called this, in words for its field; undefined for a name. */
export function refusalOfName(name: string): string | undefined {
  if (name === '') return 'A name has at least one character.';
  if (name === '.' || name === '..')
    return 'This is how folders call themselves and the one above: choose another name.';
  if (name.includes('/')) return 'A name has no slash in it: it would be a path.';
  if (name.includes('\0') || !name.isWellFormed()) return 'There is a character in it that no name can have.';
  const bytes = bytesOf(name);
  return bytes > mostBytes ? `A name has ${mostBytes} bytes at most; this one has ${bytes}.` : undefined;
}

/** Bytes on the disk. */
const bytesOf = (name: string): number =>
  [...name].reduce(
    (sum, character) => sum + (isEscaped(character) ? 1 : new TextEncoder().encode(character).length),
    0,
  );

/** Whether a character stands for a byte that is no text. */
export const isEscaped = (character: string): boolean => /^[\uf000-\uf0ff]$/.test(character);

/** Where a notebook finds it, or undefined where notebooks do not reach. */
export function inNotebooks(area: string, path: string): string | undefined {
  const [kind, team] = area.split(':', 2);
  const root = { private: '/files/private', shared: '/files/shared', team: `/files/team/${team ?? ''}` }[kind ?? ''];
  return root && (path === '' ? root : `${root}/${path}`);
}
