import type { RuleSet } from './engine.ts';
import { createRuleSet } from './load.ts';
import { parseRules } from './rules.ts';

/**
 * What is in force until a folder was valid once (decisions/0004): nothing but the admin pages for active admins, so that
 * they can see what is wrong with the files.
 */
const text = `@id("built-in-fallback")
permit (principal in Role::"admin", action == Action::"administer", resource == Platform::"knot")
when { principal.state == "active" };
`;

export function fallbackSet(): RuleSet {
  const { rules } = parseRules({ name: 'built-in', kind: 'rules', text, modifiedAt: 0 });
  return createRuleSet(rules, 'fallback', true);
}
