import { knotError } from '../../lib/index.ts';
import { plainFunctions } from './functions.ts';
import { type PlainQuery, plainQuery, refusal } from './text.ts';
import { parse, read, type Read, type Selector } from './tree.ts';

/** What somebody may read: everything, or the series whose `label` is one of these names. */
export type Readable = 'everything' | { label: string; names: readonly string[] };

/** Prometheus takes a megabyte of POST; each selector of one query carries every name. */
const longestEnforced = 900_000;

/**
 * The query with the names somebody may read forced into each of its selectors. Their own matchers stay, and both hold together. The
 * result was parsed again, and each of its selectors carries the names.
 * @throws KNOT_METRICS_QUERY for what is no PromQL that Knot can judge, KNOT_METRICS_NAMESPACE for what could only be empty,
 * KNOT_METRICS_NOTHING for who may read nothing
 */
export function enforceQuery(source: string, readable: Readable): string {
  const { text, originOf, found } = readQuery(source);
  if (readable === 'everything') return text;
  if (found.selectors.length === 0) return text;
  const forced = matcherOf(readable);
  demandPossible(found.selectors, readable);
  return prove(force(text, found.selectors, forced), found.selectors.length, forced, (cause) =>
    refusal(source, originOf(0), cause),
  );
}

/**
 * The same for one `match[]`, which is one selector and nothing around it.
 * @throws like `enforceQuery`
 */
export function enforceSelector(source: string, readable: Readable): string {
  const { text, found } = readQuery(source);
  const [selector] = found.selectors;
  if (selector?.from !== 0 || selector.to !== text.length)
    throw refusal(source, 0, 'match[] is one selector of series, such as up{job="node"}');
  return enforceQuery(source, readable);
}

/** A selector of all that somebody may read. @throws KNOT_METRICS_NOTHING */
export const selectorOf = (readable: Exclude<Readable, 'everything'>): string => `{${matcherOf(readable)}}`;

function readQuery(source: string): PlainQuery & { found: Read } {
  const plain = plainQuery(source);
  const { text, originOf } = plain;
  const tree = parse(text);
  if ('brokenAt' in tree) throw refusal(source, originOf(tree.brokenAt), causeOf(text, tree.brokenAt));
  const found = read(tree, text);
  if (found.unknown !== undefined)
    throw refusal(source, originOf(found.unknown), 'it uses something of PromQL that Knot does not know');
  for (const { name, at } of found.functions) {
    if (!plainFunctions.has(name))
      throw refusal(source, originOf(at), `the function ${name} is not among those that may be used through Knot`);
  }
  return { text, originOf, found };
}

function causeOf(text: string, at: number): string {
  if (text === '') return 'it is empty';
  const next = /^(\w+|.)/su.exec(text.slice(at).trimStart())?.[0];
  return next === undefined ? 'it ends too early' : `${JSON.stringify(next)} cannot stand here`;
}

/** @throws KNOT_METRICS_NOTHING */
function matcherOf({ label, names }: Exclude<Readable, 'everything'>): string {
  // An empty name would be of every series that has no namespace.
  const wanted = names.filter((name) => name !== '');
  if (wanted.length > 0) return `${label}=~${JSON.stringify(wanted.map(quoteForRe2).join('|'))}`;
  throw knotError('KNOT_METRICS_NOTHING', 403, 'There is no namespace whose metrics you may read.', {
    remedy: 'Ask an administrator: the policies decide it (readMetrics).',
  });
}

/** As `regexp.QuoteMeta` of Go. Prometheus anchors the expression at both ends itself. */
const quoteForRe2 = (name: string): string => name.replace(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);

/** Both matchers would hold together, and give nothing: who names what they may not read is told so. */
function demandPossible(selectors: readonly Selector[], { label, names }: Exclude<Readable, 'everything'>): void {
  for (const { matchers } of selectors) {
    for (const { comparison } of matchers) {
      if (comparison?.label !== label || comparison.operator !== '=' || names.includes(comparison.value)) continue;
      const what =
        comparison.value === ''
          ? 'series that belong to no namespace'
          : `the metrics of ${JSON.stringify(comparison.value)}`;
      throw knotError('KNOT_METRICS_NAMESPACE', 403, `You may not read ${what}.`, {
        remedy: `You may read those of ${list(names)}.`,
      });
    }
  }
}

const list = (names: readonly string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ');

function force(text: string, selectors: readonly Selector[], forced: string): string {
  let result = '';
  let done = 0;
  for (const { to, braces, matchers } of selectors) {
    if (braces === undefined) {
      result += `${text.slice(done, to)}{${forced}}`;
      done = to;
      continue;
    }
    const inside = text.slice(done, braces.to - 1).trimEnd();
    result += `${inside}${matchers.length > 0 && !inside.endsWith(',') ? ',' : ''}${forced}}`;
    done = braces.to;
  }
  return result + text.slice(done);
}

/** Nothing is sent on trust: what was made is read like what came. */
function prove(text: string, count: number, forced: string, refuse: (cause: string) => Error): string {
  if (text.length > longestEnforced) throw refuse('with the namespaces you may read it would be too long');
  const tree = parse(text);
  if ('brokenAt' in tree) throw refuse('with the namespaces you may read it is no PromQL any more');
  const { selectors, unknown } = read(tree, text);
  const carriesIt = ({ matchers }: Selector): boolean => {
    const last = matchers.at(-1);
    return last?.comparison !== undefined && text.slice(last.from, last.to) === forced;
  };
  if (selectors.length !== count || unknown !== undefined || !selectors.every(carriesIt))
    throw refuse('the namespaces you may read could not be written into each of its selectors');
  return text;
}
