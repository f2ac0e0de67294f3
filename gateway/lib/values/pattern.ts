/**
 * Whether a regular expression of a schema can be tried on what people type without waiting: JavaScript's engine goes back on its
 * choices, so that `(a+)+$` takes time that doubles with every character (ReDoS, CWE-1333). Allowed is what needs at most the third
 * power of the length, and patterns are tried on short texts only (`mostPatternText`). Returns the reason why not.
 */
export function refusedPattern(pattern: string): string | undefined {
  if (pattern.length > mostPatternLength) return `is longer than ${mostPatternLength} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch {
    return 'is no regular expression';
  }
  if (/\\[1-9]|\\k</.test(pattern)) return 'refers back to a group';
  if (/\(\?<?[=!]/.test(pattern)) return 'looks ahead or behind';
  return costlyRepetition(pattern);
}

export const mostPatternLength = 200;
/** Characters of a text that a pattern is tried on. */
export const mostPatternText = 256;
/** Where a match may begin anywhere, each beginning is one more power. */
const mostUnbounded = { anchored: 3, anywhere: 2 };
/** `x{2,20}` is twenty choices; more is as good as no end. */
const mostTimes = 20;

type Group = { isVaried: boolean };

function costlyRepetition(pattern: string): string | undefined {
  const open: Group[] = [{ isVaried: false }];
  let last: Group | undefined;
  let unbounded = 0;
  const most = mostUnbounded[pattern.startsWith('^') && !pattern.includes('|') ? 'anchored' : 'anywhere'];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === '\\') {
      at += 1;
      last = undefined;
    } else if (character === '[') {
      at = endOfClass(pattern, at);
      last = undefined;
    } else if (character === '(') {
      open.push({ isVaried: false });
    } else if (character === ')') {
      last = open.pop();
      if (last?.isVaried) open.at(-1)!.isVaried = true;
    } else if (character === '|') {
      open.at(-1)!.isVaried = true;
    } else if ('*+?{'.includes(character)) {
      const { text, most: times } = quantifierAt(pattern, at);
      const isMany = times > 1;
      if (isMany && last?.isVaried) return 'repeats a group that repeats or chooses itself';
      if (times > mostTimes) unbounded += 1;
      if (unbounded > most) return `repeats without end more than ${most} times`;
      open.at(-1)!.isVaried = true;
      at += text.length - 1;
      last = undefined;
    } else {
      last = undefined;
    }
  }
  return undefined;
}

function endOfClass(pattern: string, from: number): number {
  for (let at = from + 1; at < pattern.length; at += 1) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === ']') return at;
  }
  return pattern.length;
}

function quantifierAt(pattern: string, at: number): { text: string; most: number } {
  const [text = '', count] = /^(?:[*+?]|\{(\d+(?:,\d*)?)\})\??/.exec(pattern.slice(at)) ?? [];
  if (text.startsWith('?')) return { text, most: 1 };
  if (count === undefined) return { text: text || pattern[at]!, most: Infinity };
  const [least, most] = count.split(',');
  return { text, most: most === undefined ? Number(least) : most === '' ? Infinity : Number(most) };
}
