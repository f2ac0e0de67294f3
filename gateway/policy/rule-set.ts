import { createHash } from 'node:crypto';
import { setImmediate as pause } from 'node:timers/promises';
import type { Cedar } from './cedar.ts';
import { factsOf, type RuleFacts } from './facts.ts';
import type { Snapshot } from './folder.ts';
import { parseRules, type Rule } from './rules.ts';

/** A validated set of rules, ready to decide. */
export type RuleSet = {
  version: string;
  /** The built-in set that stands in while no folder was ever valid. */
  isFallback: boolean;
  rules: readonly Rule[];
  byKey: ReadonlyMap<string, Rule>;
  facts: RuleFacts;
};

export function createRuleSet(rules: readonly Rule[], version: string, isFallback = false): RuleSet {
  return { version, isFallback, rules, byKey: new Map(rules.map((rule) => [rule.key, rule])), facts: factsOf(rules) };
}

/**
 * The set of a folder that has passed every check: nothing is looked at here but what the rules say. Requests are served in
 * between.
 *
 * @throws Error when the files do not parse after all
 */
export async function parsePassed(cedar: Cedar, snapshot: Snapshot): Promise<RuleSet> {
  const rules: Rule[] = [];
  for (const file of snapshot.files) {
    if (file.kind !== 'rules') continue;
    await pause();
    const parsed = await parseRules(cedar, file);
    const [problem] = parsed.problems;
    if (problem !== undefined) throw new Error(`${problem.file}:${problem.line}: ${problem.message}`);
    rules.push(...parsed.rules);
  }
  return createRuleSet(rules, versionOf(snapshot));
}

/** Covers what decides, the schema and the rules; equal files have equal versions on every replica. */
export function versionOf(snapshot: Snapshot): string {
  const hash = createHash('sha256');
  for (const { name, text, kind } of snapshot.files) {
    if (kind !== 'cases') hash.update(`${name.length}:${name}${text.length}:${text}`);
  }
  return hash.digest('hex').slice(0, 12);
}
