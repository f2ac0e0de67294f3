/** Splits a line of a policy file into pieces to colour. Unknown text stays plain, so any file can be shown. */

export type Piece = { kind: 'plain' | 'comment' | 'string' | 'word' | 'note'; text: string };

const pattern =
  /(?<comment>\/\/.*|(?<=^\s*)#.*)|(?<string>"(?:[^"\\]|\\.)*"?)|(?<note>@\w+)|\b(?<word>permit|forbid|when|unless|principal|action|resource|context|in|is|has|like|if|then|else|true|false|entity|enum|appliesTo|namespace|type)\b/g;

export function highlight(line: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of line.matchAll(pattern)) {
    if (match.index > end) pieces.push({ kind: 'plain', text: line.slice(end, match.index) });
    const kind = (['comment', 'string', 'note', 'word'] as const).find((name) => match.groups?.[name] !== undefined)!;
    pieces.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < line.length) pieces.push({ kind: 'plain', text: line.slice(end) });
  return pieces;
}
