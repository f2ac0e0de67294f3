/**
 * Names of files as they can be shown: what could deceive the eye, or is no text at all, is marked. A name is cut into parts; a part
 * with `mark` stands for what cannot be seen, and `mark` says what it is.
 */
export type Part = { text: string; mark?: string };

const controls: Record<string, [shown: string, words: string]> = {
  '\n': ['↵', 'line break'],
  '\r': ['↵', 'carriage return'],
  '\t': ['⇥', 'tab'],
  '\u007f': ['␡', 'control character 7F'],
};

const directions: Record<string, string> = {
  '\u061c': 'Arabic letter mark',
  '\u200e': 'left-to-right mark',
  '\u200f': 'right-to-left mark',
  '\u202a': 'left-to-right embedding',
  '\u202b': 'right-to-left embedding',
  '\u202c': 'end of a direction',
  '\u202d': 'left-to-right override',
  '\u202e': 'right-to-left override',
  '\u2066': 'left-to-right isolate',
  '\u2067': 'right-to-left isolate',
  '\u2068': 'isolate',
  '\u2069': 'end of an isolate',
};

const invisible: Record<string, string> = {
  '\u00ad': 'soft hyphen',
  '\u034f': 'grapheme joiner',
  '\u115f': 'Hangul filler',
  '\u1160': 'Hangul filler',
  '\u180e': 'vowel separator',
  '\u200b': 'space without width',
  '\u200c': 'non-joiner',
  '\u200d': 'joiner',
  '\u2028': 'line separator',
  '\u2029': 'paragraph separator',
  '\u2060': 'word joiner',
  '\u2061': 'invisible operator',
  '\u2062': 'invisible operator',
  '\u2063': 'invisible operator',
  '\u2064': 'invisible operator',
  '\u2800': 'blank of Braille',
  '\u3164': 'Hangul filler',
  '\ufeff': 'byte order mark',
  '\uffa0': 'Hangul filler',
};

/** Emoji of several characters hold joiners and tags that belong to them (Unicode Technical Standard #51, section 2). */
const emoji = /^\p{RGI_Emoji}$/v;
const clusters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Scripts whose writing needs joiners and non-joiners between letters (RFC 5892, appendix A). */
const joined =
  /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Nko}\p{Script=Mongolian}\p{Script_Extensions=Deva}\p{Script_Extensions=Beng}\p{Script_Extensions=Guru}\p{Script_Extensions=Gujr}\p{Script_Extensions=Taml}\p{Script_Extensions=Telu}\p{Script_Extensions=Knda}\p{Script_Extensions=Mlym}\p{Script_Extensions=Sinh}]/u;

/** A name in parts. Equal names give equal parts, and different ones look different but for letters that are drawn alike. */
export function partsOf(name: string): Part[] {
  const parts: Part[] = [];
  const add = (text: string, mark?: string): void => {
    const last = parts.at(-1);
    if (mark === undefined && last && last.mark === undefined) last.text += text;
    else parts.push(mark === undefined ? { text } : { text, mark });
  };
  const start = name.length - name.trimStart().length;
  const end = name.trimEnd().length;
  for (const { segment, index } of clusters.segment(name)) {
    if (emoji.test(segment)) add(segment);
    else for (const [character, at] of charactersIn(segment, index)) addCharacter(character, at);
  }
  return parts;

  function addCharacter(character: string, at: number): void {
    const isOutside = at < start || at >= end;
    const code = character.codePointAt(0)!;
    const hidden = directions[character] ?? invisible[character];
    if (code >= 0xf000 && code <= 0xf0ff) {
      const byte = (code - 0xf000).toString(16).padStart(2, '0').toUpperCase();
      return add(`\\x${byte}`, `a byte that is no text: ${byte}`);
    }
    if (controls[character]) return add(...controls[character]);
    if (code < 0x20) return add(String.fromCodePoint(0x2400 + code), `control character ${hex(code)}`);
    if (code >= 0x80 && code < 0xa0) return add('␦', `control character ${hex(code)}`);
    if ((character === '\u200c' || character === '\u200d') && joined.test(name.slice(0, at).slice(-1)))
      return add(character);
    if (hidden) return add('·', hidden);
    if (code >= 0xe0000 && code <= 0xe0fff) return add('·', 'invisible tag');
    if (/^\s$/u.test(character) && character !== ' ') return add('␣', 'a space of another kind');
    if (character === ' ' && isOutside) return add('␣', 'a space at the edge');
    return add(character);
  }
}

function* charactersIn(text: string, index: number): Generator<[string, number]> {
  let at = index;
  for (const character of text) {
    yield [character, at];
    at += character.length;
  }
}

const hex = (code: number): string => code.toString(16).padStart(2, '0').toUpperCase();

/** The same as one text, for sentences and for screen readers. Isolated, so that its direction moves nothing around it. */
export function readable(name: string): string {
  const text = partsOf(name)
    .map((part) => (part.mark === undefined ? part.text : `[${part.mark}]`))
    .join('');
  // Only what has letters of both directions needs it (Unicode Standard Annex #9, section 2.4).
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text;
}

/** Whether two forms of the same letters stand side by side: `é` as one character and as two. */
export function isOtherForm(name: string, others: readonly string[]): boolean {
  const form = name.normalize('NFC');
  return others.some((other) => other !== name && other.normalize('NFC') === form);
}

/** How its letters are written, where that is all that tells two names apart. */
export const formOf = (name: string): string =>
  name === name.normalize('NFC') ? 'accents in one character' : 'accents as characters of their own';
