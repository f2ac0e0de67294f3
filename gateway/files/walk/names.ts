import { isUtf8 } from 'node:buffer';
import { knotError } from '../../lib/index.ts';

/** One component of a path as it stands on the disk: bytes, in whatever encoding. Never '', '.', '..', nor with '/' or NUL in it. */
export type Name = Buffer;
/** From the root of an area downwards; empty for the root itself. */
export type Path = readonly Name[];

/**
 * Names are bytes and JSON is text. A byte that is not part of well-formed UTF-8 is written as the character U+F000 + byte (private
 * use, as Cygwin does for what Windows forbids), and a character of U+F000–U+F0FF as its three bytes written so: each name has one
 * text and each text one name.
 */
const escapes = 0xf000;
const escaped = /[\uf000-\uf0ff]/;
const everyEscaped = /[\uf000-\uf0ff]/g;
/** Longer paths are nobody's; each component costs a system call. */
const mostComponents = 1000;

/** @throws KNOT_FILES_NAME for what cannot be the name of a file */
export function checkName(name: Name): Name {
  const { length } = name;
  if (length === 0) throw refusedName('is not a name');
  if (length > 255) throw refusedName('is longer than 255 bytes');
  let others = 0;
  // Every step of every walk: a loop over some bytes is faster than a call for each question.
  for (let index = 0; index < length; index++) {
    const byte = name[index]!;
    if (byte === 0 || byte === slash) throw refusedName('is not a name');
    if (byte !== dot) others += 1;
  }
  if (others === 0 && length <= 2) throw refusedName('is not a name');
  return name;
}

const slash = 0x2f;
const dot = 0x2e;

const refusedName = (why: string) =>
  knotError('KNOT_FILES_NAME', 400, `A part of the path ${why}.`, {
    remedy: 'A name has 1 to 255 bytes, no slash and no NUL, and is neither “.” nor “..”.',
  });

/** The name that a text stands for. @throws KNOT_FILES_NAME */
export function nameOf(text: string): Name {
  if (!text.isWellFormed()) throw refusedName('is not valid Unicode');
  if (!escaped.test(text)) return checkName(Buffer.from(text));
  const parts: Buffer[] = [];
  let start = 0;
  for (const match of text.matchAll(everyEscaped)) {
    parts.push(Buffer.from(text.slice(start, match.index)), Buffer.of(match[0].charCodeAt(0) - escapes));
    start = match.index + 1;
  }
  return checkName(Buffer.concat([...parts, Buffer.from(text.slice(start))]));
}

/** The text of a name; what is not UTF-8 in it is escaped as above. */
export function textOf(name: Name): string {
  if (isUtf8(name)) {
    const text = name.toString();
    return escaped.test(text) ? text.replace(everyEscaped, (character) => escapeBytes(Buffer.from(character))) : text;
  }
  let text = '';
  for (let index = 0; index < name.length;) {
    const end = index + sequenceLength(name[index]!);
    const sequence = name.subarray(index, end);
    if (end > index && end <= name.length && isUtf8(sequence)) {
      text += textOf(sequence);
      index = end;
    } else {
      text += escapeBytes(name.subarray(index, index + 1));
      index += 1;
    }
  }
  return text;
}

/** Length that the first byte of a UTF-8 sequence announces (RFC 3629 section 3); 0 when none begins with it. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

const escapeBytes = (bytes: Buffer) => String.fromCharCode(...[...bytes].map((byte) => escapes + byte));
const escapeCharacter = (character: string) => escapeBytes(Buffer.from(character));

/**
 * A name as part of an address. The edge refuses paths that intermediaries read in several ways (encoded backslashes, a dot at the end
 * of a segment), so those characters are escaped too; `pathOfAddress` reads both forms.
 */
export function addressOf(name: Name): string {
  const text = textOf(name)
    .replaceAll('\\', escapeCharacter)
    .replace(/\.$/, escapeCharacter)
    .replace(/^(\.{1,2});/, (_, before: string) => before + escapeCharacter(';'));
  return encodeURIComponent(text);
}

/** `dir/a%20b` → its names; one slash at the end is allowed. @throws KNOT_FILES_NAME */
export function pathOfAddress(address: string): Path {
  const parts = address.replace(/\/$/, '').split('/');
  if (parts.length === 1 && parts[0] === '') return [];
  if (parts.length > mostComponents) throw refusedName(`lies deeper than ${mostComponents} folders`);
  return parts.map((part) => {
    const bytes = percentDecode(part);
    return isUtf8(bytes) ? nameOf(bytes.toString()) : checkName(bytes);
  });
}

/** `dir/a b` as people write it, without any encoding: `/`-separated text. @throws KNOT_FILES_NAME */
export function pathOfText(text: string): Path {
  const parts = text.replace(/^\//, '').replace(/\/$/, '').split('/');
  if (parts.length === 1 && parts[0] === '') return [];
  if (parts.length > mostComponents) throw refusedName(`lies deeper than ${mostComponents} folders`);
  return parts.map(nameOf);
}

export const textOfPath = (path: Path): string => path.map(textOf).join('/');
export const addressOfPath = (path: Path): string => path.map(addressOf).join('/');

function percentDecode(text: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw refusedName('has a percent sign without two digits behind it');
  const parts = text.split(/%([0-9A-Fa-f]{2})/);
  return Buffer.concat(parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, 'hex'))));
}
