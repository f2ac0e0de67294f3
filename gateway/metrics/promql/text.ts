import { knotError } from '../../lib/index.ts';

/** Characters of one query, and how deep its brackets may lie in one another. Prometheus itself has no such bounds. */
export const longestQuery = 16_384;
export const deepestQuery = 64;

/**
 * A query in the one spelling that is judged and sent: no comments, one blank where blanks were, every string in double quotes with JSON's
 * escapes, which Go reads alike. All other characters stay as they are, and each of them is printable ASCII.
 */
export type PlainQuery = {
  text: string;
  /** Where a character of `text` stood in what was sent. */
  originOf(at: number): number;
};

const blank = /[ \t\n\r]+/y;
/** Prometheus ends a comment at either character of a line's end (`lexLineComment`). */
const comment = /#[^\n\r]*/y;
const other = /[^ \t\n\r#"'`]+/y;
const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/**
 * Two programs that read one text in two ways are how a query gets past its judge, so what they could differ on is gone before any of
 * them reads it. Lexical rules: `promql/parser/lex.go` and `util/strutil/quote.go` of Prometheus.
 * @throws KNOT_METRICS_QUERY
 */
export function plainQuery(source: string): PlainQuery {
  if (source.length > longestQuery)
    throw refusal(source, longestQuery, `it is longer than ${longestQuery.toLocaleString('en')} characters`);
  const pieces: [at: number, from: number][] = [];
  const open: string[] = [];
  let text = '';
  let at = 0;
  while (at < source.length) {
    pieces.push([text.length, at]);
    const first = source[at]!;
    if (first === '"' || first === "'" || first === '`') {
      const { value, end } = readString(source, at);
      text += JSON.stringify(value);
      at = end;
      continue;
    }
    const skipped = match(comment, source, at) ?? match(blank, source, at);
    if (skipped !== undefined) {
      if (text !== '' && !text.endsWith(' ')) text += ' ';
      at += skipped.length;
      continue;
    }
    const found = match(other, source, at)!;
    checkCharacters(source, found, at, open);
    text += found;
    at += found.length;
  }
  const originOf = (place: number): number => {
    const [start, from] = pieces.findLast(([begin]) => begin <= place) ?? [0, 0];
    return Math.min(from + place - start, source.length);
  };
  return { text: text.trimEnd(), originOf };
}

function match(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}

function checkCharacters(source: string, found: string, begin: number, open: string[]): void {
  for (let index = 0; index < found.length; index++) {
    const character = found[index]!;
    if (character < '!' || character > '~')
      throw refusal(source, begin + index, 'outside of texts in quotes there are ASCII characters only');
    if (character === '(' || character === '[' || character === '{') {
      if (open.push(character) > deepestQuery)
        throw refusal(source, begin + index, `its brackets lie more than ${deepestQuery} deep in one another`);
    } else if (character in closers && open.pop() !== closers[character]) {
      throw refusal(source, begin + index, `nothing is open that "${character}" closes`);
    }
  }
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const escape = /\\(?:[abfnrtv\\'"]|x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/y;

function readString(source: string, begin: number): { value: string; end: number } {
  const quote = source[begin]!;
  let value = '';
  let at = begin + 1;
  for (;;) {
    const character = source[at];
    if (character === undefined || (quote !== '`' && character === '\n'))
      throw refusal(source, begin, 'a text in quotes has no end');
    if (character === quote) break;
    if (character === '\\' && quote !== '`') {
      const found = match(escape, source, at);
      const meant = found === undefined ? undefined : meaningOf(found, quote);
      if (found === undefined || meant === undefined)
        throw refusal(source, at, 'a text in quotes has an escape that PromQL has not');
      value += meant;
      at += found.length;
    } else {
      value += character;
      at += 1;
    }
  }
  // Go has no half of a surrogate pair, and writes something else in its place.
  if (!value.isWellFormed()) throw refusal(source, begin, 'a text in quotes is no Unicode');
  return { value, end: at + 1 };
}

/** Undefined for what is none here. Bytes past ASCII are parts of characters in Go, and would be characters in JSON. */
function meaningOf(found: string, quote: string): string | undefined {
  const kind = found[1]!;
  if (kind === '"' || kind === "'") return kind === quote ? kind : undefined;
  if (kind in simple) return simple[kind];
  const digits = /[0-7]/.test(kind) ? Number.parseInt(found.slice(1), 8) : Number.parseInt(found.slice(2), 16);
  if (kind === 'u' || kind === 'U') return digits > 0x10ffff ? undefined : String.fromCodePoint(digits);
  return digits > 0x7f ? undefined : String.fromCharCode(digits);
}

/** What is refused is refused with its place and its cause. */
export function refusal(source: string, at: number, cause: string): Error {
  const before = source.slice(0, at).split('\n');
  const [line, column] = [before.length, before.at(-1)!.length + 1];
  return knotError('KNOT_METRICS_QUERY', 400, `The query is refused at line ${line}, column ${column}: ${cause}.`, {
    remedy: 'Write it as PromQL: https://prometheus.io/docs/prometheus/latest/querying/basics/.',
    details: { position: Math.min(at, source.length), line, column },
  });
}
