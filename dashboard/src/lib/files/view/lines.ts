/** How the lines of a file end, so that saving it changes what was typed and nothing else. */

export type LineEnd = '\n' | '\r\n' | '\r' | 'mixed';

/** The one line end of a text; `mixed` when there are several, `\n` when it has one line only. */
export function lineEndOf(text: string): LineEnd {
  const found = new Set(text.match(/\r\n|\r|\n/g));
  if (found.size > 1) return 'mixed';
  return ([...found][0] ?? '\n') as LineEnd;
}

export const lineEndTitles: Record<LineEnd, string> = {
  '\n': 'LF',
  '\r\n': 'CRLF',
  '\r': 'CR',
  mixed: 'Mixed line ends',
};

/**
 * The bytes of a text whose lines are parted by `\n`, with the line ends and the byte order mark that the file had. Of a file with
 * mixed ones the text carries them itself.
 */
export function bytesOf(text: string, { lineEnd, hasMark }: { lineEnd: LineEnd; hasMark: boolean }): Uint8Array {
  const ended = lineEnd === 'mixed' || lineEnd === '\n' ? text : text.replaceAll('\n', lineEnd);
  return new TextEncoder().encode((hasMark ? '\ufeff' : '') + ended);
}
