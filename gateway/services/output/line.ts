/** One line of what a service said, or of what Knot notes between (`knot`): that it was started, how it ended, what was left out. */
export type OutputLine = {
  /** Grows by one with each line of a service, also over restarts: the cursor of whoever reads on. */
  n: number;
  /** Milliseconds since 1970. */
  at: number;
  from: 'out' | 'err' | 'knot';
  /** One line without its end. Whatever the program wrote, colours and other escape sequences among it: not to be obeyed unread. */
  text: string;
};

const letters = { out: 'o', err: 'e', knot: 'k' } as const;
const sources = { o: 'out', e: 'err', k: 'knot' } as const;

/** As it stands in a file: time in base 36, where it is from, text. Its number follows from its place. */
export const rowOf = ({ at, from, text }: OutputLine): string => `${at.toString(36)} ${letters[from]}${text}\n`;

export function lineOf(row: string, n: number): OutputLine {
  const space = row.indexOf(' ');
  const at = Number.parseInt(row.slice(0, space), 36);
  const from = sources[row[space + 1] as keyof typeof sources];
  // Somebody wrote into the file.
  if (space < 1 || Number.isNaN(at) || from === undefined) return { n, at: 0, from: 'knot', text: row };
  return { n, at, from, text: row.slice(space + 2) };
}

/* eslint-disable no-control-regex -- taking control characters away is the purpose */
/**
 * Control sequences (ECMA-48 section 5.4) and control strings with what they carry (section 5.6: titles, links, the clipboard), also
 * those that nothing ends; then every other control character but the tabulator.
 */
const sequences =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[PX\]^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const suspicious = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
/* eslint-enable no-control-regex */

/** The words of a line alone: what is searched, and what a terminal or an editor may show without obeying it. */
export const plain = (text: string): string =>
  suspicious.test(text) ? text.replace(sequences, '').replace(controls, '') : text;
