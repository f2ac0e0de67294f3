/**
 * The words of a Cedar text. `sign` is an operator or a bracket; comments and white space are left out. Any text can be read,
 * in one pass, whatever it holds: what is not Cedar comes out as signs of one character.
 */
export type Token = { kind: 'string' | 'word' | 'sign'; text: string; start: number; end: number };

const longSigns = new Set(['||', '&&', '==', '!=', '<=', '>=', '::']);

export function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    if (isBlank(character)) {
      at += 1;
      continue;
    }
    if (character === '/' && text[at + 1] === '/') {
      at = lineEnd(text, at);
      continue;
    }
    const start = at;
    if (character === '"') {
      at = stringEnd(text, at);
      yield { kind: 'string', text: '"', start, end: at };
    } else if (isWordCharacter(character)) {
      while (at < text.length && isWordCharacter(text[at]!)) at += 1;
      yield { kind: 'word', text: text.slice(start, at), start, end: at };
    } else {
      at += longSigns.has(text.slice(at, at + 2)) ? 2 : 1;
      yield { kind: 'sign', text: text.slice(start, at), start, end: at };
    }
  }
}

const isBlank = (character: string): boolean => character <= ' ' || character.trim() === '';
const isWordCharacter = (character: string): boolean => /[\p{L}\p{N}_]/u.test(character);

/** Cedar ends a comment at either kind of line break. */
function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at += 1;
  return at;
}

/** Behind the closing quote, or the end of the text when there is none. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}
