import { patternSteps } from './patterns.ts';
import type { Rule } from './rules.ts';
import { tokensOf } from './tokens.ts';

/**
 * What the loaded rules look at. Facts that no rule mentions are neither sent to the engine (marshalling them is most of the
 * cost of a decision) nor part of the key of a cached decision.
 */
export type RuleFacts = {
  /** Names of attributes, of whatever they are attributes. */
  attributes: ReadonlySet<string>;
  /** True when `context` is used as a whole, so that every attribute of it matters. */
  usesWholeContext: boolean;
  /** Teams a rule names, as such or by their managers. */
  teams: ReadonlySet<string>;
  /** True when a rule names the namespace of an owner. */
  usesNamespaces: boolean;
  /** What all patterns together cost for each character of a text. */
  patternSteps: number;
};

/** Reads the facts off the JSON form of the rules (Cedar's documented policy format). */
export function factsOf(rules: readonly Rule[]): RuleFacts {
  const attributes = new Set<string>();
  const teams = new Set<string>();
  let usesWholeContext = false;
  let usesNamespaces = false;

  function visit(node: unknown, isSubject: boolean): void {
    if (Array.isArray(node)) {
      for (const item of node) visit(item, false);
      return;
    }
    if (typeof node !== 'object' || node === null) return;
    const record = node as Record<string, unknown>;
    const { type, id } = record;
    if ((type === 'Team' || type === 'Managers') && typeof id === 'string') teams.add(id);
    if (type === 'Namespace') usesNamespaces = true;
    if (record['Var'] === 'context' && !isSubject) usesWholeContext = true;
    if (typeof record['Record'] === 'object' && record['Record'] !== null) {
      // The names in a record literal are the admin's own, `has` may be one of them.
      for (const value of Object.values(record['Record'])) visit(value, false);
      return;
    }
    for (const [name, value] of Object.entries(record)) {
      if (name === '.' || name === 'has') {
        const access = value as { left: unknown; attr: string | string[] };
        // `context has a.b` names the outermost attribute first; each name is noted.
        for (const attribute of [access.attr].flat()) attributes.add(attribute);
        visit(access.left, true);
      } else {
        visit(value, false);
      }
    }
  }

  for (const { json } of rules) visit([json.principal, json.action, json.resource, json.conditions], false);
  const patternSteps = rules.reduce((sum, rule) => sum + stepsOf(rule), 0);
  return { attributes, usesWholeContext, teams, usesNamespaces, patternSteps };
}

function stepsOf({ text }: Rule): number {
  if (!text.includes('like')) return 0;
  return patternSteps(text, [...tokensOf(text)]).reduce((sum, { steps }) => sum + steps, 0);
}
