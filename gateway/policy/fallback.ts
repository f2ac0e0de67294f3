import type { Cedar } from './cedar.ts';
import { createRuleSet, type RuleSet } from './rule-set.ts';
import { parseRules } from './rules.ts';

/**
 * What is in force until a folder was valid once (decisions/0004): nothing but the admin pages for active admins, so that
 * they can see what is wrong with the files.
 */
const text = `@id("built-in-fallback")
permit (principal in Role::"admin", action == Action::"administer", resource == Platform::"knot")
when { principal.state == "active" };
`;

export const fallbackVersion = 'fallback';

export async function fallbackSet(cedar: Cedar): Promise<RuleSet> {
  const { rules } = await parseRules(cedar, { name: 'built-in', kind: 'rules', text, modifiedAt: 0 });
  return createRuleSet(rules, fallbackVersion, true);
}
