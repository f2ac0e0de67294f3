import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * `knot_pat_`, 36 random characters of base62 (214 bits), and their CRC-32 in base62, 6 characters: scanners of source code know it
 * by sight, and what was mistyped or invented is refused without asking the store (as GitHub's tokens, "Behind GitHub's new
 * authentication token formats", 2021).
 */
export const tokenPrefix = 'knot_pat_';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 36;
const checkLength = 6;
const form = new RegExp(`^${tokenPrefix}[0-9A-Za-z]{${randomLength + checkLength}}$`);

export function newTokenSecret(): string {
  let random = '';
  for (let index = 0; index < randomLength; index += 1) random += alphabet[randomInt(alphabet.length)];
  return `${tokenPrefix}${random}${checksumOf(random)}`;
}

/** Whether a text can be a token at all. The checksum is no secret, so it need not be compared in constant time. */
export function isTokenForm(text: string): boolean {
  if (!form.test(text)) return false;
  const random = text.slice(tokenPrefix.length, -checkLength);
  return text.endsWith(checksumOf(random));
}

function checksumOf(random: string): string {
  let rest = crc32(random);
  let text = '';
  for (let index = 0; index < checkLength; index += 1) {
    text = alphabet[rest % alphabet.length] + text;
    rest = Math.floor(rest / alphabet.length);
  }
  return text;
}

/** Whether an address or the value of a field holds a token, which then stands in histories and logs of others. */
export const holdsToken = (text: string): boolean => text.includes(tokenPrefix);
