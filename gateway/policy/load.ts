import { createHash } from 'node:crypto';
import { setImmediate as pause } from 'node:timers/promises';
import { judge, parseCases } from './cases.ts';
import { decide, prepare, type RuleSet } from './engine.ts';
import { factsOf } from './facts.ts';
import type { Snapshot } from './folder.ts';
import { duplicateIds, parseRules, type Rule } from './rules.ts';
import { checkRules, checkSchema } from './schema.ts';
import type { PolicyFile, PolicyProblem } from './status.ts';

export type Loaded = {
  /** Undefined when any problem is an error. */
  set: RuleSet | undefined;
  files: PolicyFile[];
  problems: PolicyProblem[];
  casesPassed: number;
};

/**
 * Parses, validates and tries a reading of the folder, under the engine's id `candidate`: the set in force is not touched.
 * Later steps run only when the earlier ones found nothing, so that one mistake is reported once. Requests are served in
 * between the steps; one `load` at a time may use an id. With `verifiedCases` the very same bytes have passed every step before,
 * with that many cases, and are only parsed: the engine's first validation costs half a second of a start.
 */
export async function load(snapshot: Snapshot, candidate: string, verifiedCases?: number): Promise<Loaded> {
  const problems = [...snapshot.problems];
  const rules: Rule[] = [];
  const ruleCounts = new Map<string, number>();
  const schema = snapshot.files.find((file) => file.kind === 'schema');
  const isVerified = verifiedCases !== undefined;
  if (schema && !isVerified) problems.push(...checkSchema(schema));
  for (const file of snapshot.files.filter(({ kind }) => kind === 'rules')) {
    await pause();
    const parsed = parseRules(file);
    ruleCounts.set(file.name, parsed.rules.length);
    rules.push(...parsed.rules);
    problems.push(...parsed.problems);
  }
  const tests = snapshot.files.filter(({ kind }) => kind === 'cases').map(parseCases);
  problems.push(...duplicateIds(rules), ...tests.flatMap((test) => test.problems));
  if (rules.length === 0 && !problems.some(isError)) problems.push(noRules);
  await pause();
  if (schema && !isVerified && !problems.some(({ severity, kind }) => severity === 'error' && kind !== 'case')) {
    problems.push(...checkRules(schema, rules));
  }

  let casesPassed = 0;
  let set: RuleSet | undefined;
  if (!problems.some(isError)) {
    const tried = createRuleSet(rules, versionOf(snapshot));
    for (const message of prepare(candidate, rules)) {
      problems.push({ file: '', line: 0, column: 0, severity: 'error', kind: 'syntax', message });
    }
    if (isVerified) casesPassed = verifiedCases;
    else if (!problems.some(isError)) {
      for (const one of tests.flatMap((test) => test.cases)) {
        if (casesPassed % casesPerTurn === 0) await pause();
        const problem = judge(one, decide(candidate, tried, one.request));
        if (problem) problems.push(problem);
        else casesPassed += 1;
      }
    }
    if (!problems.some(isError)) set = tried;
  }
  const files = snapshot.files.map(({ name, text, modifiedAt }) => {
    return { name, text, modifiedAt, rules: ruleCounts.get(name) ?? 0 };
  });
  return { set, files, problems, casesPassed };
}

/** 150 us each. */
const casesPerTurn = 20;

export function createRuleSet(rules: readonly Rule[], version: string, isFallback = false): RuleSet {
  return { version, isFallback, rules, byKey: new Map(rules.map((rule) => [rule.key, rule])), facts: factsOf(rules) };
}

const isError = ({ severity }: PolicyProblem): boolean => severity === 'error';

/** A file that an editor has emptied before writing it anew looks like this for a moment. */
const noRules: PolicyProblem = {
  file: '',
  line: 0,
  column: 0,
  severity: 'error',
  kind: 'file',
  message: 'the folder holds no rule, so that everything would be denied',
  help: 'write at least one rule in a file that ends in .cedar',
};

/** Covers what decides, the schema and the rules; equal files have equal versions on every replica. */
function versionOf(snapshot: Snapshot): string {
  const hash = createHash('sha256');
  for (const { name, text, kind } of snapshot.files) {
    if (kind !== 'cases') hash.update(`${name.length}:${name}${text.length}:${text}`);
  }
  return hash.digest('hex').slice(0, 12);
}
