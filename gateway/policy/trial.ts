import { setImmediate as pause } from 'node:timers/promises';
import { boundProblems } from './bounds.ts';
import { judge, parseCases } from './cases.ts';
import { type Cedar, freshCedar } from './cedar.ts';
import { createEngine } from './engine.ts';
import type { Snapshot, SourceFile } from './folder.ts';
import { createRuleSet, versionOf } from './rule-set.ts';
import { duplicateIds, parseRules, problemAt, type Rule, splitRules } from './rules.ts';
import { checkRules, checkSchema } from './schema.ts';
import type { PolicyProblem } from './status.ts';

/** What a reading of the folder came to. It passed when no problem is an error. */
export type Trial = {
  problems: PolicyProblem[];
  casesPassed: number;
  /** By file name. */
  ruleCounts: ReadonlyMap<string, number>;
};

/** Where the work is, told before each step: the step that does not come back is named by it. */
export type Place = { file: string; line: number };

/**
 * Checks, parses, validates and tries a reading of the folder. Later steps run only when the earlier ones found nothing, so
 * that one mistake is reported once. This is the one place where a candidate meets the engine, and it runs in a process of its
 * own (`candidate.ts`, decisions/0015).
 */
export async function tryPolicies(snapshot: Snapshot, onStep: (place: Place) => void): Promise<Trial> {
  const problems = [...snapshot.problems];
  const ruleCounts = new Map<string, number>();
  const result = (casesPassed: number): Trial => ({ problems: shortened(problems), casesPassed, ruleCounts });
  const hasErrors = (): boolean => problems.some(({ severity }) => severity === 'error');
  const schema = snapshot.files.find((file) => file.kind === 'schema');
  onStep({ file: '', line: 0 });
  problems.push(...boundProblems(snapshot.files));
  if (problems.some(({ kind }) => kind !== 'file')) return result(0);

  // An instance that failed is not asked again, so that each step is judged by one that works.
  let cedar = freshCedar();
  const attempt = async <T>(work: (cedar: Cedar) => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work(cedar);
    } catch {
      cedar = freshCedar();
      return undefined;
    }
  };

  if (schema) {
    onStep({ file: schema.name, line: 1 });
    problems.push(...((await attempt((engine) => checkSchema(engine, schema))) ?? [tooMuch(schema, 0)]));
  }
  const rules: Rule[] = [];
  for (const file of snapshot.files.filter(({ kind }) => kind === 'rules')) {
    await pause();
    onStep({ file: file.name, line: 1 });
    const parsed = await attempt((engine) => parseRules(engine, file));
    ruleCounts.set(file.name, parsed?.rules.length ?? 0);
    rules.push(...(parsed?.rules ?? []));
    problems.push(...(parsed?.problems ?? [await culpritOf(file)]));
  }
  const budget = { cases: 0 };
  const tests = [];
  for (const file of snapshot.files.filter(({ kind }) => kind === 'cases')) {
    onStep({ file: file.name, line: 1 });
    tests.push(parseCases(file, budget));
  }
  problems.push(...duplicateIds(rules), ...tests.flatMap((test) => test.problems));
  if (rules.length === 0 && !hasErrors()) problems.push(noRules);
  if (schema && !problems.some(({ severity, kind }) => severity === 'error' && kind !== 'case')) {
    onStep({ file: '', line: 0 });
    const found = await attempt((engine) => checkRules(engine, schema, rules));
    problems.push(...(found ?? [await unvalidatable(schema, rules)]));
  }
  if (hasErrors()) return result(0);

  const set = createRuleSet(rules, versionOf(snapshot));
  const broken: unknown[] = [];
  const engine = await attempt(() => createEngine(set, freshCedar(), (error) => broken.push(error)));
  if (!engine) problems.push({ ...noRules, message: 'the policy engine cannot load this set', help: smaller });
  let casesPassed = 0;
  for (const one of tests.flatMap((test) => test.cases)) {
    if (!engine || broken.length > 0) break;
    if (casesPassed % casesPerStep === 0) {
      await pause();
      onStep({ file: one.source.name, line: one.position.line });
    }
    const problem = judge(one, engine.decide(one.request));
    if (broken.length > 0)
      problems.push({ ...placeOf(one.source, one.position), message: tooMuchMessage, help: smaller });
    else if (problem) problems.push(problem);
    else casesPassed += 1;
  }
  return result(casesPassed);
}

/** A fraction of a millisecond each. */
const casesPerStep = 50;
const mostProblems = 100;
const longestMessage = 500;

/** What a file says ends up in the log, on a page and in the ledger. */
function shortened(problems: readonly PolicyProblem[]): PolicyProblem[] {
  return problems.slice(0, mostProblems).map((problem) => ({
    ...problem,
    message: cut(problem.message),
    ...(problem.help === undefined ? {} : { help: cut(problem.help) }),
  }));
}

const cut = (text: string): string => (text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}…`);

const tooMuchMessage = 'this is more than the policy engine can bear';
const smaller = 'write it in fewer words, with fewer brackets, or as several rules';

function tooMuch(source: SourceFile, startByte: number): PolicyProblem {
  return problemAt(source, startByte, tooMuchMessage, smaller);
}

function placeOf(source: SourceFile, { line, column }: { line: number; column: number }) {
  return { file: source.name, line, column, severity: 'error', kind: 'case' } as const;
}

/** The first rule of a file that brings a fresh engine down by itself. */
async function culpritOf(source: SourceFile): Promise<PolicyProblem> {
  for (const { text, startByte } of splitRules(source.text)) {
    try {
      await parseRules(freshCedar(), { ...source, text });
    } catch {
      return tooMuch(source, startByte);
    }
  }
  return tooMuch(source, 0);
}

async function unvalidatable(schema: SourceFile, rules: readonly Rule[]): Promise<PolicyProblem> {
  for (const rule of rules) {
    try {
      checkRules(freshCedar(), schema, [rule]);
    } catch {
      return tooMuch(rule.source, rule.startByte);
    }
    await pause();
  }
  return tooMuch(schema, 0);
}

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
