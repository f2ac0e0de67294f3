import { setImmediate as pause } from 'node:timers/promises';
import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { RuleReference } from '../lib/index.ts';
import type { Cedar } from './cedar.ts';
import type { SourceFile } from './folder.ts';
import { positionOfByte } from './position.ts';
import type { PolicyProblem } from './status.ts';

/** One rule of a file, with all that decisions, validation and explanations need to know about it. */
export type Rule = {
  /** Id inside the engine, unique in the set. */
  key: string;
  reference: RuleReference;
  text: string;
  json: PolicyJson;
  source: SourceFile;
  /** Where `text` starts in the file, in bytes. */
  startByte: number;
};

/** How many rules are read in one turn of the event loop, 150 us each. */
const rulesPerTurn = 40;

/** Parses the rules of one file. With a syntax error the file has problems and no rules. Requests are served in between. */
export async function parseRules(
  cedar: Cedar,
  source: SourceFile,
): Promise<{ rules: Rule[]; problems: PolicyProblem[] }> {
  const check = cedar.checkParsePolicySet({ staticPolicies: source.text });
  const parts = cedar.policySetTextToParts(source.text);
  if (parts.type === 'success' && parts.policy_templates.length > 0) {
    return { rules: [], problems: parts.policy_templates.map((text) => templateProblem(source, text)) };
  }
  if (check.type === 'failure') return { rules: [], problems: check.errors.flatMap((e) => syntaxProblems(source, e)) };
  if (parts.type === 'failure') return { rules: [], problems: parts.errors.flatMap((e) => syntaxProblems(source, e)) };
  const pieces = splitRules(source.text);
  if (
    !isSameSet(
      pieces.map((piece) => piece.text),
      parts.policies,
    )
  ) {
    return { rules: [], problems: [problemAt(source, 0, 'the rules of the file cannot be told apart')] };
  }
  const problems: PolicyProblem[] = [];
  const rules: Rule[] = [];
  for (const [index, { text, startByte }] of pieces.entries()) {
    if (index % rulesPerTurn === rulesPerTurn - 1) await pause();
    const answer = cedar.policyToJson(text);
    if (answer.type === 'failure') {
      problems.push(...answer.errors.flatMap((error) => syntaxProblems(source, error, startByte)));
      continue;
    }
    const id = answer.json.annotations?.['id'];
    if (id !== undefined && !/^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,79}$/u.test(id)) {
      problems.push(problemAt(source, startByte, `the @id ${JSON.stringify(id)} is not usable`, idHelp));
    }
    const key = `${source.name}#${index + 1}`;
    const { line } = positionOfByte(source.text, startByte);
    const reference: RuleReference = { rule: id ?? key, file: source.name, line, effect: answer.json.effect };
    rules.push({ key, reference: Object.freeze(reference), text, json: answer.json, source, startByte });
  }
  return { rules: problems.length > 0 ? [] : rules, problems };
}

const idHelp = 'use 1 to 80 letters, digits, dots, dashes, underscores or spaces, beginning with a letter or digit';

/** Two rules of one name could not be told apart in a log or on a page. */
export function duplicateIds(rules: readonly Rule[]): PolicyProblem[] {
  const seen = new Map<string, Rule>();
  return rules.flatMap((rule) => {
    const other = seen.get(rule.reference.rule);
    if (!other) {
      seen.set(rule.reference.rule, rule);
      return [];
    }
    const { file, line } = other.reference;
    return [
      problemAt(
        rule.source,
        rule.startByte,
        `the @id "${rule.reference.rule}" is taken by ${file}:${line}`,
        'give each rule an @id of its own',
      ),
    ];
  });
}

/** A problem of kind `syntax` at a byte offset of a file. */
export function problemAt(source: SourceFile, byteOffset: number, message: string, help?: string): PolicyProblem {
  const position = positionOfByte(source.text, byteOffset);
  return { file: source.name, ...position, severity: 'error', kind: 'syntax', message, ...(help ? { help } : {}) };
}

/** Cedar's error and those related to it. Cedar's offsets count from `baseByte`. */
export function syntaxProblems(source: SourceFile, error: DetailedError, baseByte = 0): PolicyProblem[] {
  const [place] = error.sourceLocations ?? [];
  const message = error.message.replace(/^failed to parse [a-z ]+(with id `[^`]*` )?from string: /, '');
  const label = place?.label ? `${message}, ${place.label}` : message;
  return [
    problemAt(source, baseByte + (place?.start ?? 0), label, error.help ?? undefined),
    ...(error.related ?? []).flatMap((related) => syntaxProblems(source, related, baseByte)),
  ];
}

function templateProblem(source: SourceFile, text: string): PolicyProblem {
  const at = Math.max(0, source.text.indexOf(text));
  const startByte = Buffer.byteLength(source.text.slice(0, at));
  return problemAt(
    source,
    startByte,
    'a rule with ?principal or ?resource is a template, which Knot does not use',
    'write the name of the team, role or resource instead',
  );
}

/**
 * Splits a file that Cedar has parsed. A semicolon outside of strings and `//` comments ends a rule and means nothing else in
 * the language; the caller compares the result with Cedar's own.
 */
export function splitRules(text: string): { text: string; startByte: number }[] {
  const token = /"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n\r]*|;|\s+|[^\s";/]+|\//g;
  const pieces: { text: string; startByte: number }[] = [];
  let start = -1;
  for (const match of text.matchAll(token)) {
    const isBlank = match[0].startsWith('//') || match[0].trim() === '';
    if (start === -1 && !isBlank) start = match.index;
    if (match[0] !== ';') continue;
    pieces.push({
      text: text.slice(start, match.index + 1),
      startByte: Buffer.byteLength(text.slice(0, start)),
    });
    start = -1;
  }
  return pieces;
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  const sorted = [...right].sort();
  return left.length === right.length && [...left].sort().every((text, index) => text === sorted[index]);
}
