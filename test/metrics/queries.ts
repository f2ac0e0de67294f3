import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All of `corpus`. */
export const corpus: readonly string[] = ['prometheus', 'dashboards'].flatMap((name) =>
  readFileSync(join(import.meta.dirname, 'corpus', `${name}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as string),
);

const names = fc.constantFrom(
  'up',
  'sum',
  'by',
  'and',
  'rate',
  'start',
  'job:x:sum',
  'container_cpu_usage_seconds_total',
  'fill',
  'step',
);
const texts = fc.constantFrom('"x"', "'}'", '`{#`', '"\\"}"', '"namespace"', '".+"', '"é"', '"#"');
const matchers = fc
  .tuple(
    fc.constantFrom('pod', 'by', 'offset', '"a.b"', 'namespace_', '__name__'),
    fc.constantFrom('!=', '=~', '!~'),
    texts,
  )
  .map((parts) => parts.join(''));
const selectors = fc
  .tuple(names, fc.option(fc.tuple(fc.array(matchers, { maxLength: 3 }), fc.boolean())))
  .map(([name, braces]) => {
    if (braces === null) return name;
    const [inside, comma] = braces;
    return `${name}{${inside.join(', ')}${comma && inside.length > 0 ? ',' : ''}}`;
  });

type Expression = { text: string; selectors: number };
const gap = fc.constantFrom(' ', '\n', '\t# }{ "\n', '  ');

/** Queries that are right, at least as far as the grammar goes, and how many selectors each has. */
export const expressions: fc.Arbitrary<Expression> = fc.letrec<{ any: Expression }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    selectors.map((text) => ({ text, selectors: 1 })),
    fc.constantFrom('1', '.5', '0x1f', 'Inf', 'time()').map((text) => ({ text, selectors: 0 })),
    fc
      .tuple(selectors, fc.constantFrom('[5m]', '[1h:5m]', '[1h:] offset -1d', '[5m] @ 100'))
      .map(([text, range]) => ({ text: `rate(${text}${range})`, selectors: 1 })),
    fc
      .tuple(
        tie('any'),
        gap,
        fc.constantFrom('+', '- on (a) group_left (b)', 'and', 'or', '> bool', '^'),
        gap,
        tie('any'),
      )
      .map(([a, before, operator, after, b]) => ({
        text: `(${a.text})${before}${operator}${after}(${b.text})`,
        selectors: a.selectors + b.selectors,
      })),
    tie('any').map((one) => ({ ...one, text: `max_over_time((${one.text})[1h:1m])` })),
    tie('any').map((one) => ({ ...one, text: `-(${one.text})` })),
    fc
      .tuple(tie('any'), tie('any'))
      .map(([a, b]) => ({ text: `topk by (a, b) (${a.text}, ${b.text})`, selectors: a.selectors + b.selectors })),
    tie('any').map((one) => ({ ...one, text: `label_replace(${one.text}, "namespace", '$1', \`x\`, "(.*)")` })),
  ),
})).any;

const words = [
  ...'( ) { } [ ] , : @ + - * / % ^ == != > >= < <= = =~ !~ # \n " \' `'.split(' '),
  ...'sum by without on ignoring group_left group_right offset bool and or unless topk start() end() rate absent'.split(
    ' ',
  ),
  ...'up down 5m 1 .5 1e3 Inf nan 0x1f "x" \'y\' `z` {a="b"} [5m] [5m:1m] namespace="knot-bob" (a) (b)'.split(' '),
  ...'label_replace info atan2 fill fill_left anchored smoothed step() range() limitk count_values quantile'.split(' '),
];

/** Words of the language in no order, as long as they may still mean something. */
export const noise: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.constantFrom(...words), { maxLength: 14 }), fc.constantFrom('', ' '))
  .map(([found, between]) => found.join(between));
