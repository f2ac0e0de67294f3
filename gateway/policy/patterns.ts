import type { Token } from './tokens.ts';

/**
 * What each pattern (`like "…"`) costs for each character of the text it is compared with. Cedar reads the text once, and begins
 * anew behind the last `*` at each character that does not go on (`Pattern::wildcard_match`): the longest piece behind a `*`,
 * for each character. What ends with `*` ends there.
 */
export function patternSteps(text: string, tokens: readonly Token[]): { start: number; steps: number }[] {
  return tokens.flatMap(({ kind, text: word }, index) => {
    const pattern = tokens[index + 1];
    if (kind !== 'word' || word !== 'like' || pattern?.kind !== 'string') return [];
    const [, ...pieces] = piecesOf(text.slice(pattern.start + 1, pattern.end - 1));
    return [{ start: pattern.start, steps: stepsToRead + Math.max(0, ...pieces) }];
  });
}

/** Reading the text into the form in which it is compared takes about as long as two comparisons. */
const stepsToRead = 2;

/** Lengths of what stands between the `*` of a pattern; `\\*` is a star of the text. */
function piecesOf(pattern: string): number[] {
  const pieces = [0];
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern[at] === '*') pieces.push(0);
    else pieces[pieces.length - 1]! += 1;
    if (pattern[at] === '\\') at += 1;
  }
  return pieces;
}
