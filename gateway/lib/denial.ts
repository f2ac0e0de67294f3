import type { RuleReference } from './authorization.ts';

/** A denial as people read it, the same on the page of a tool and inside the dashboard. */
export type DenialWords = {
  heading: string;
  reason: string;
  remedy: string;
  /** What to quote: decision, rule, policy file, person. */
  facts: readonly (readonly [label: string, value: string])[];
};

/** `toDo` completes "the policies do not allow you to …". */
export function denialWords(denial: {
  username: string;
  toDo: string;
  decisionId: string;
  rules: readonly RuleReference[];
}): DenialWords {
  const { username, toDo, decisionId, rules } = denial;
  const rule = rules[0];
  return {
    heading: 'Not allowed',
    reason: `You are signed in as ${username}, and the policies do not allow you to ${toDo}.`,
    remedy:
      rule === undefined
        ? 'No rule permits it. If you need it, send the decision id to an administrator, who can add a rule.'
        : 'If you need it, send the decision id to an administrator: it leads to what was asked and to the rule.',
    facts: [
      ['Decision', decisionId],
      ['Rule', rule === undefined ? 'no rule permits' : rule.rule],
      ...(rule === undefined ? [] : [['Policy file', `${rule.file}:${rule.line}`] as const]),
      ['Signed in as', username],
    ],
  };
}
