import type { Tree, TreeCursor } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** One selector of series, where it stands in the text that was parsed. */
export type Selector = {
  from: number;
  to: number;
  /** Of `{…}`, brackets included; undefined for a bare name. */
  braces: { from: number; to: number } | undefined;
  matchers: Matcher[];
};

/** One part between the braces. */
export type Matcher = {
  from: number;
  to: number;
  /** Undefined for a text alone, which is the name of the metric. */
  comparison?: { label: string; operator: string; value: string };
};

/** What a text is made of, as far as it matters which series it reads. */
export type Read = { selectors: Selector[]; functions: { name: string; at: number }[]; unknown: number | undefined };

const strict = parser.configure({ strict: true });

/**
 * Every word of the grammar that was looked at. What a later version adds is refused until somebody has: it may read series in a way that
 * no selector shows.
 */
const known = new Set(
  (
    'PromQL AggregateExpr AggregateModifier GroupingLabels LabelName QuotedLabelName FunctionCall FunctionCallBody ' +
    'BinaryExpr BoolModifier MatchingModifierClause FillModifier FillClause FillLeftClause FillRightClause ParenExpr UnaryExpr UnaryOp ' +
    'NumberDurationLiteral NumberDurationLiteralInDurationContext DurationExpr OffsetDurationExpr StringLiteral OffsetExpr AnchoredExpr ' +
    'SmoothedExpr StepInvariantExpr AtModifierPreprocessors MatrixSelector SubqueryExpr VectorSelector Identifier LabelMatchers ' +
    'UnquotedLabelMatcher QuotedLabelMatcher MatchOp EqlSingle EqlRegex NeqRegex Neq Eql Gte Gtr Lte Lss TrimUpper TrimLower Pow Mul ' +
    'Div Mod Add Sub Atan2 And Or Unless Bool On Ignoring GroupLeft GroupRight Fill FillLeft FillRight By Without Offset At AtStart ' +
    'AtEnd Anchored Smoothed AggregateOp Avg Bottomk Count CountValues Group Max Min Quantile LimitK LimitRatio Stddev Stdvar Sum Topk ' +
    'FunctionIdentifier DurationStep DurationRange DurationMinOf DurationMaxOf'
  ).split(' '),
);

/** Where a text stops being PromQL; undefined for one that is. */
export function parse(text: string): Tree | { brokenAt: number } {
  try {
    return strict.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { brokenAt: Number(/ at (\d+)$/.exec(error.message)?.[1] ?? 0) };
  }
}

export function read(tree: Tree, text: string): Read {
  const found: Read = { selectors: [], functions: [], unknown: undefined };
  const cursor = tree.cursor();
  do {
    if (cursor.name === 'VectorSelector') found.selectors.push(readSelector(cursor, text));
    if (cursor.name === 'FunctionIdentifier') {
      found.functions.push({ name: text.slice(cursor.from, cursor.to), at: cursor.from });
      // Its one child has the name of the function.
      cursor.lastChild();
    } else if (!known.has(cursor.name)) found.unknown ??= cursor.from;
  } while (cursor.next());
  return found;
}

/** Leaves the cursor where it was: all below is looked at again, for words that are not known. */
function readSelector(cursor: TreeCursor, text: string): Selector {
  const { from, to } = cursor;
  const selector: Selector = { from, to, braces: undefined, matchers: [] };
  cursor.lastChild();
  if (cursor.name === 'LabelMatchers') {
    selector.braces = { from: cursor.from, to: cursor.to };
    if (cursor.firstChild()) {
      do selector.matchers.push(readMatcher(cursor, text));
      while (cursor.nextSibling());
      cursor.parent();
    }
  }
  cursor.parent();
  return selector;
}

/** Strings are JSON here: `plainQuery` wrote them. */
function readMatcher(cursor: TreeCursor, text: string): Matcher {
  const { from, to, name } = cursor;
  if (name === 'QuotedLabelName') return { from, to };
  const parts: string[] = [];
  cursor.firstChild();
  do parts.push(text.slice(cursor.from, cursor.to));
  while (cursor.nextSibling());
  cursor.parent();
  const [label = '', operator = '', value = '""'] = parts;
  return {
    from,
    to,
    comparison: {
      label: label.startsWith('"') ? (JSON.parse(label) as string) : label,
      operator,
      value: JSON.parse(value) as string,
    },
  };
}
