import { type AuthorizationRequest, createSlices, type Decision, type RuleReference } from '../lib/index.ts';
import { type Cedar, freshCedar } from './cedar.ts';
import { callOf, longestText } from './request.ts';
import type { RuleSet } from './rule-set.ts';
import type { Rule } from './rules.ts';

/** One set of rules in an instance of Cedar that has seen nothing else. */
export type Engine = {
  set: RuleSet;
  /** Never throws; whatever goes wrong is a denial, since Cedar itself would skip a `forbid` whose condition fails. */
  decide(request: AuthorizationRequest): Decision;
  /**
   * Those of `rules` that apply to a request, also those that did not decide; none when it cannot be judged. For explanations: up to
   * 0.1 ms for each rule, a few at a time, while requests are served.
   */
  match(request: AuthorizationRequest, rules: readonly Rule[]): Promise<Rule[]>;
};

/** The reason of a denial that says nothing about the request: it is not to be remembered. */
export const engineFailed = 'engine_failed';

/** The reason of a denial because the request has a longer text than the patterns of the set can be compared with in time. */
export const tooLong = 'too_long';

/** Comparisons of one decision: measured, 8 ns each, so that nobody else waits for longer than a tenth of a second. */
const mostSteps = 16_000_000;

/** Rules, and characters of rules, that are parsed and compared for an explanation without a pause: some milliseconds. */
const matchedAtOnce = 20;
const longestPart = 8_000;

const setId = 'set';

/**
 * Loads a set that has passed every check into `cedar`, a fresh instance. An instance that throws is broken (Cedar reports
 * failures as answers) and never asked again: the next one is made, the set is loaded anew, and the question that met it is
 * asked once more. Explanations have an instance of their own: they take a way through Cedar that no check has gone.
 *
 * @throws Error when the set cannot be loaded
 */
export function createEngine(set: RuleSet, cedar: Cedar, onBroken: (error: unknown) => void): Engine {
  prepare(cedar, set);
  let deciding: Cedar | undefined = cedar;
  let explaining: Cedar | undefined;

  return {
    set,
    decide(request) {
      if (isTooLong(set, request)) return deny(set, tooLong, []);
      for (let attempt = 0; attempt < 2; attempt += 1) {
        try {
          deciding ??= prepare(freshCedar(), set);
          return decideIn(deciding, set, request);
        } catch (error) {
          deciding = undefined;
          onBroken(error);
        }
      }
      return deny(set, engineFailed, []);
    },
    async match(request, rules) {
      if (isTooLong(set, request)) return [];
      const between = createSlices();
      const satisfied: Rule[] = [];
      for (const some of inParts(rules)) {
        try {
          explaining ??= freshCedar();
          satisfied.push(...matchIn(explaining, set, request, some));
        } catch (error) {
          explaining = undefined;
          onBroken(error);
          return [];
        }
        await between();
      }
      return satisfied;
    },
  };
}

/** Whether a rule applies does not depend on the others, so they need not be asked about at once. */
function* inParts(rules: readonly Rule[]): Generator<Rule[]> {
  let part: Rule[] = [];
  let length = 0;
  for (const rule of rules) {
    part.push(rule);
    length += rule.text.length;
    if (part.length < matchedAtOnce && length < longestPart) continue;
    yield part;
    [part, length] = [[], 0];
  }
  if (part.length > 0) yield part;
}

function isTooLong({ facts }: RuleSet, request: AuthorizationRequest): boolean {
  return facts.patternSteps > 0 && facts.patternSteps * longestText(request) > mostSteps;
}

function prepare(cedar: Cedar, set: RuleSet): Cedar {
  const answer = cedar.preparsePolicySet(setId, { staticPolicies: textsOf(set.rules) });
  if (answer.type === 'success') return cedar;
  throw new Error(answer.errors.map(({ message }) => message).join('; '));
}

function decideIn(cedar: Cedar, set: RuleSet, request: AuthorizationRequest): Decision {
  const call = callOf(request, set.facts);
  if (!call) return deny(set, 'evaluation_error', []);
  const answer = cedar.statefulIsAuthorized({ ...call, preparsedPolicySetId: setId });
  if (answer.type === 'failure') return deny(set, 'evaluation_error', []);
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0) {
    const errored = diagnostics.errors.map((error) => error.policyId);
    return deny(set, 'evaluation_error', referencesOf(set, errored));
  }
  const rules = referencesOf(set, diagnostics.reason);
  if (decision === 'allow') {
    return Object.freeze({ effect: 'allow', rules, policyVersion: set.version, reason: 'permit' });
  }
  return deny(set, rules.length > 0 ? 'forbid' : set.isFallback ? 'not_loaded' : 'no_permit', rules);
}

function matchIn(cedar: Cedar, set: RuleSet, request: AuthorizationRequest, rules: readonly Rule[]): Rule[] {
  const call = callOf(request, set.facts);
  if (!call) return [];
  const answer = cedar.isAuthorizedPartial({ ...call, policies: { staticPolicies: textsOf(rules) } });
  if (answer.type === 'failure') return [];
  const named = new Set(answer.response.satisfied);
  return rules.filter((rule) => named.has(rule.key));
}

function deny(set: RuleSet, reason: string, rules: readonly RuleReference[]): Decision {
  return Object.freeze({ effect: 'deny', rules, policyVersion: set.version, reason });
}

function textsOf(rules: readonly Rule[]): Record<string, string> {
  return Object.fromEntries(rules.map((rule) => [rule.key, rule.text]));
}

/** In the order of the files, whatever order the engine names them in. */
function referencesOf(set: RuleSet, keys: readonly string[]): readonly RuleReference[] {
  if (keys.length === 1) {
    const rule = set.byKey.get(keys[0] ?? '');
    return Object.freeze(rule ? [rule.reference] : []);
  }
  const named = new Set(keys);
  return Object.freeze(set.rules.filter((rule) => named.has(rule.key)).map((rule) => rule.reference));
}
