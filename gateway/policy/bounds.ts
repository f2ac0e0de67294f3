import type { SourceFile } from './folder.ts';
import type { PolicyProblem } from './status.ts';
import { patternSteps } from './patterns.ts';
import { type Token, tokensOf } from './tokens.ts';

/**
 * What a set of policies may hold at most, looked at before the engine sees any of it. The engine is recursive and has 1 MiB
 * of stack, whatever the machine: measured with Cedar 4.13, it ends at 118 nested brackets (8.5 KiB each) and, when it decides,
 * at 363 operators of one chain (2.9 KiB each). The bounds leave about half of the stack.
 */
export const bounds = {
  rules: 2_000,
  /** Of all rules together: each is looked at in each decision, and everybody waits meanwhile. Measured: 0.2 to 0.7 us for one. */
  words: 80_000,
  /** Of all patterns together, as `patternSteps` counts them: what each character of a text costs. */
  patternSteps: 8_000,
  /** Brackets within brackets. */
  nesting: 40,
  /** Depth of an expression: each operator of a chain counts 1, each open bracket counts `bracketDepth`. */
  depth: 200,
  bracketDepth: 3,
  /** Commas of one rule: the names of a list, the fields of a record. */
  items: 2_000,
  /** Characters between two quotes. */
  stringLength: 2_048,
  /** Entities, actions and types of the schema. */
  declarations: 1_000,
  /** Types a type of the schema stands for when every name in it is replaced by what it means. */
  typeSize: 10_000,
} as const;

const problemsOfOneFile = 20;

/** Looks at rules and schema; the cases have bounds of their own in `cases.ts`, because they are YAML. */
export function boundProblems(files: readonly SourceFile[]): PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  let rules = 0;
  let words = 0;
  let steps = 0;
  for (const file of files) {
    if (file.kind === 'cases') continue;
    const isSchema = file.kind === 'schema';
    const found = createFound(file);
    const tokens = [...tokensOf(file.text)];
    const parts = measure(tokens, found, isSchema);
    if (isSchema) {
      if (parts.length > bounds.declarations) found.note(parts[bounds.declarations]!, tooManyDeclarations);
      else measureTypes(tokens, found);
    } else {
      const before = rules;
      rules += parts.length;
      if (rules > bounds.rules && before <= bounds.rules) found.note(parts[bounds.rules - before]!, tooManyRules);
      const wordsBefore = words;
      words += tokens.length;
      if (words > bounds.words && wordsBefore <= bounds.words) {
        found.nextRule();
        found.note(tokens[bounds.words - wordsBefore]!.start, tooManyWords);
      }
      for (const { start, steps: more } of patternSteps(file.text, tokens)) {
        const stepsBefore = steps;
        steps += more;
        if (steps <= bounds.patternSteps || stepsBefore > bounds.patternSteps) continue;
        found.nextRule();
        found.note(start, tooManyPatterns);
      }
    }
    problems.push(...found.problems());
  }
  return problems;
}

type Complaint = readonly [message: string, help: string];
const tooManyRules: Complaint = [
  `the folder holds more than ${bounds.rules} rules`,
  'one rule can speak of many people by a team, and of many things by `resource is` or `resource in`',
];
const tooManyWords: Complaint = [
  `the folder holds more than ${bounds.words} words of rules`,
  'each decision reads all of them: make teams instead of long lists of names',
];
const tooManyPatterns: Complaint = [
  'the patterns of the folder are too many or too long: comparing them with one long address would stop everybody',
  'write what follows a `*` shorter, or compare with `==`',
];
const tooManyDeclarations: Complaint = [
  `the schema holds more than ${bounds.declarations} declarations`,
  'begin with the schema that Knot ships',
];
const tooNested: Complaint = [
  `more than ${bounds.nesting} brackets are open here`,
  'write several rules, or leave out brackets that change nothing',
];
const tooDeep: Complaint = [
  `this expression is longer or deeper than the policy engine can bear (${bounds.depth} operators in a row)`,
  'write a list, `["ann", "bob"].contains(principal.username)`, a team, or several rules',
];
const tooManyItems: Complaint = [
  `this rule names more than ${bounds.items} things`,
  'make a team, or write several rules',
];
const tooLongString: Complaint = [
  `this text is longer than ${bounds.stringLength} characters`,
  'a name, an address or a pattern is shorter',
];
const tooLargeType: Complaint = [
  `this type stands for more than ${bounds.typeSize} others when its names are replaced by what they mean`,
  'begin with the schema that Knot ships',
];

/** Notes the first complaint of each rule, so that one mistake is not told forty times. */
function createFound(source: SourceFile) {
  const noted: { at: number; complaint: Complaint }[] = [];
  let isNotedInRule = false;
  return {
    note(at: number, complaint: Complaint): void {
      if (isNotedInRule || noted.length >= problemsOfOneFile) return;
      isNotedInRule = true;
      noted.push({ at, complaint });
    },
    nextRule(): void {
      isNotedInRule = false;
    },
    problems(): PolicyProblem[] {
      return noted.map(({ at, complaint: [message, help] }) => {
        const before = source.text.slice(0, at);
        const lineStart = before.lastIndexOf('\n') + 1;
        const line = before.split('\n').length;
        const column = [...before.slice(lineStart)].length + 1;
        const kind = source.kind === 'schema' ? 'schema' : 'syntax';
        return { file: source.name, line, column, severity: 'error', kind, message, help };
      });
    },
  };
}

const opening = new Set(['(', '[', '{']);
const closing = new Set([')', ']', '}']);

/** Operators by how tightly they bind, loosest first (Cedar grammar: or, and, relation, add, multiply, unary, member). */
const strengths: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  ...Object.fromEntries(['==', '!=', '<', '<=', '>', '>=', 'in', 'has', 'like', 'is'].map((sign) => [sign, 3])),
  '+': 4,
  '-': 4,
  '*': 5,
  '!': 6,
  '.': 7,
};
/** `if`, and the clauses of a rule, which Cedar joins as if by `&&`. */
const loosest = new Set(['if', 'when', 'unless']);

/**
 * Measures nesting and depth of each rule or declaration; returns where each begins. The depth of a place is what the engine's
 * recursion there comes to: an operator deepens its chain and ends the chains that bind more tightly.
 */
function measure(tokens: readonly Token[], found: ReturnType<typeof createFound>, isSchema: boolean): number[] {
  const starts: number[] = [];
  /** How deep it is around each bracket that is open. */
  const around: number[] = [];
  const outside: number[][] = [];
  let chains = [0, 0, 0, 0, 0, 0, 0, 0];
  let outer = 0;
  let items = 0;
  let isBetween = true;
  const sum = (): number => chains.reduce((total, count) => total + count, 0);
  for (const { kind, text, start, end } of tokens) {
    if (isBetween) starts.push(start);
    isBetween = false;
    if (kind === 'string') {
      if (end - start > bounds.stringLength + 2) found.note(start, tooLongString);
      continue;
    }
    if (opening.has(text) || (isSchema && text === '<')) {
      around.push(outer);
      outside.push(chains);
      outer += sum() + bounds.bracketDepth;
      chains = [0, 0, 0, 0, 0, 0, 0, 0];
      if (around.length > bounds.nesting) found.note(start, tooNested);
    } else if (closing.has(text) || (isSchema && text === '>')) {
      outer = around.pop() ?? 0;
      chains = outside.pop() ?? chains;
    } else if (text === ',') {
      chains = [0, 0, 0, 0, 0, 0, 0, 0];
      items += 1;
      if (items > bounds.items) found.note(start, tooManyItems);
    } else if (text === ';') {
      // In rules a bracket that is open here was never closed; in a schema it may be that of a namespace.
      if (around.length > 0 && !isSchema) continue;
      found.nextRule();
      chains = [0, 0, 0, 0, 0, 0, 0, 0];
      items = 0;
      isBetween = true;
    } else if (text === 'then' || text === 'else') {
      chains.fill(0, 1);
    } else if (!isSchema) {
      const strength = loosest.has(text) ? 0 : strengths[text];
      if (strength === undefined) continue;
      chains[strength] = (chains[strength] ?? 0) + 1;
      chains.fill(0, strength + 1);
      if (outer + sum() > bounds.depth) found.note(start, tooDeep);
    }
  }
  return starts;
}

/** Types by name may stand in types by name: thirty short lines can mean a billion types. */
function measureTypes(tokens: readonly Token[], found: ReturnType<typeof createFound>): void {
  const types = new Map<string, { at: number; parts: string[] }>();
  const others: { at: number; parts: string[] }[] = [];
  let current: { at: number; parts: string[] } | undefined;
  tokens.forEach(({ kind, text, start }, index) => {
    if (text === ';') {
      current = undefined;
    } else if (kind === 'word' && !isFieldName(tokens[index + 1], tokens[index + 2])) {
      if (current === undefined || text === 'namespace') {
        current = { at: start, parts: [] };
        const name = tokens[index + 1]?.text;
        if (text === 'type' && name !== undefined) types.set(name, current);
        else others.push(current);
      } else if (current.parts.length < bounds.typeSize) {
        current.parts.push(text);
      }
    }
  });
  const sizes = new Map<string, number>();
  const sizeOf = (name: string): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    const type = types.get(name);
    if (type === undefined) return 1;
    // A type that contains itself is an error that the engine names.
    sizes.set(name, 1);
    const size = sizeOfParts(type.parts.filter((part) => part !== name));
    sizes.set(name, size);
    return size;
  };
  const sizeOfParts = (parts: readonly string[]): number => {
    let size = 1;
    for (const part of parts) {
      size += sizeOf(part);
      if (size > bounds.typeSize) return bounds.typeSize + 1;
    }
    return size;
  };
  for (const { at, parts } of [...types.values(), ...others]) {
    found.nextRule();
    if (sizeOfParts(parts) > bounds.typeSize) found.note(at, tooLargeType);
  }
}

/** `name:` or `name?:` */
const isFieldName = (next: Token | undefined, afterNext: Token | undefined): boolean =>
  next?.text === ':' || (next?.text === '?' && afterNext?.text === ':');
