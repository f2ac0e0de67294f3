/**
 * Colours of a line that a program wrote, and nothing else of what a terminal would obey: no titles, links, clipboards, no moves of the
 * cursor. What comes out is text and names of classes, never markup.
 */

/** `color` 0 to 15 as terminals number them. */
export type Piece = {
  text: string;
  color?: number;
  isStrong?: boolean;
  isSoft?: boolean;
  isSlanted?: boolean;
  isUnderlined?: boolean;
};

/* eslint-disable no-control-regex -- control characters are what it is about */
/** ECMA-48 sections 5.4 and 5.6; only sequences that end in `m` say how a text looks (section 8.3.117). */
const sequence =
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])?|(?:\u001b[PX\]^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/* eslint-enable no-control-regex */

type Style = Omit<Piece, 'text'>;

export function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = [];
  let style: Style = {};
  let from = 0;
  const add = (text: string): void => {
    const words = text.replace(controls, '');
    if (words !== '') pieces.push({ text: words, ...style });
  };
  for (const found of line.matchAll(sequence)) {
    add(line.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[2] === 'm') style = styled(style, found[1] ?? '');
  }
  add(line.slice(from));
  return pieces;
}

function styled(before: Style, parameters: string): Style {
  let style = { ...before };
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at]!;
    if (code === 0) style = {};
    else if (code === 1) style.isStrong = true;
    else if (code === 2) style.isSoft = true;
    else if (code === 3) style.isSlanted = true;
    else if (code === 4) style.isUnderlined = true;
    else if (code === 22) style = without(style, 'isStrong', 'isSoft');
    else if (code === 23) style = without(style, 'isSlanted');
    else if (code === 24) style = without(style, 'isUnderlined');
    else if (code >= 30 && code <= 37) style.color = code - 30;
    else if (code >= 90 && code <= 97) style.color = code - 82;
    else if (code === 39) style = without(style, 'color');
    else if (code === 38 || code === 48) {
      // Another 256 colours by their number, or any by its parts (ITU-T T.416): the nearest of those that are readable here.
      const isNumber = codes[at + 1] === 5;
      const color = isNumber
        ? ofNumber(codes[at + 2] ?? 0)
        : nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0);
      if (code === 38) style.color = color;
      at += isNumber ? 2 : 4;
    }
  }
  return style;
}

function without(style: Style, ...names: (keyof Style)[]): Style {
  return Object.fromEntries(Object.entries(style).filter(([name]) => !names.includes(name as keyof Style)));
}

function ofNumber(number: number): number {
  if (number < 16) return number;
  if (number >= 232) return number < 244 ? 8 : 7;
  const cube = number - 16;
  return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

/** By which of red, green and blue there is most. */
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 40) return most < 128 ? 8 : 7;
  return [red, green, blue].reduce((bits, part, index) => bits + (part > most * 0.6 ? 1 << index : 0), 0);
}
