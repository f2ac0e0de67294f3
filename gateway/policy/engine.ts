import { isIP } from 'node:net';
import {
  type CedarValueJson,
  type EntityJson,
  isAuthorizedPartial,
  preparsePolicySet,
  statefulIsAuthorized,
  type TypeAndId,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { AuthorizationRequest, Decision, RequestContext, RuleReference } from '../lib/index.ts';
import type { RuleFacts } from './facts.ts';
import type { Rule } from './rules.ts';

/** A validated set of rules, ready to decide. */
export type RuleSet = {
  version: string;
  /** The built-in set that stands in while no folder was ever valid. */
  isFallback: boolean;
  rules: readonly Rule[];
  byKey: ReadonlyMap<string, Rule>;
  facts: RuleFacts;
};

/**
 * Prepared sets live in the memory of the WebAssembly module under an id and are never freed, only replaced. So ids are handed
 * out from a pool and used again: any number of reloads keeps the memory where it is.
 */
export type Slot = { live: string; candidate: string };

const freeSlots: Slot[] = [];
let slots = 0;

export function takeSlot(): Slot {
  const free = freeSlots.pop();
  if (free) return free;
  slots += 1;
  return { live: `knot-${slots}`, candidate: `knot-${slots}-candidate` };
}

export function releaseSlot(slot: Slot): void {
  preparsePolicySet(slot.live, { staticPolicies: {} });
  preparsePolicySet(slot.candidate, { staticPolicies: {} });
  freeSlots.push(slot);
}

/** Puts a set under an id. Changes nothing when it fails; returns Cedar's messages then. */
export function prepare(id: string, rules: readonly Rule[]): string[] {
  const answer = preparsePolicySet(id, { staticPolicies: textsOf(rules) });
  return answer.type === 'success' ? [] : answer.errors.map((error) => error.message);
}

/** Asks the prepared set `id`. Whatever goes wrong is a denial: Cedar itself would skip a `forbid` whose condition fails. */
export function decide(id: string, set: RuleSet, request: AuthorizationRequest): Decision {
  const call = callOf(request, set.facts);
  if (!call) return deny(set, 'evaluation_error', []);
  try {
    const answer = statefulIsAuthorized({ ...call, preparsedPolicySetId: id });
    if (answer.type === 'failure') return deny(set, 'evaluation_error', []);
    const { decision, diagnostics } = answer.response;
    if (diagnostics.errors.length > 0) {
      return deny(
        set,
        'evaluation_error',
        referencesOf(
          set,
          diagnostics.errors.map((error) => error.policyId),
        ),
      );
    }
    const rules = referencesOf(set, diagnostics.reason);
    if (decision === 'allow') {
      return Object.freeze({ effect: 'allow', rules, policyVersion: set.version, reason: 'permit' });
    }
    return deny(set, rules.length > 0 ? 'forbid' : set.isFallback ? 'not_loaded' : 'no_permit', rules);
  } catch {
    // The module reports its failures as answers; an exception means it is broken, and nothing it says can be relied on.
    return deny(set, 'evaluation_error', []);
  }
}

export type Match = { isAllowed: boolean; satisfied: readonly Rule[]; errored: readonly Rule[] };

/** Every rule that applies to a request, also those that did not decide. Parses the set anew: milliseconds, for explanations. */
export function match(set: RuleSet, request: AuthorizationRequest): Match | undefined {
  const call = callOf(request, set.facts);
  if (!call) return undefined;
  const answer = isAuthorizedPartial({ ...call, policies: { staticPolicies: textsOf(set.rules) } });
  if (answer.type === 'failure') return undefined;
  const { satisfied, errored, decision } = answer.response;
  const pick = (keys: readonly string[]) => set.rules.filter((rule) => keys.includes(rule.key));
  return {
    isAllowed: decision === 'allow' && errored.length === 0,
    satisfied: pick(satisfied),
    errored: pick(errored),
  };
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
  return Object.freeze(set.rules.filter((rule) => keys.includes(rule.key)).map((rule) => rule.reference));
}

type Call = {
  principal: TypeAndId;
  action: TypeAndId;
  resource: TypeAndId;
  context: Record<string, CedarValueJson>;
  entities: EntityJson[];
};

/** The request in Cedar's words, or undefined when it cannot be said in them. */
function callOf(request: AuthorizationRequest, facts: RuleFacts): Call | undefined {
  const { principal, action, resource } = request;
  const principalUid = { type: 'User', id: principal.id };
  const resourceUid = { type: resource.type, id: resource.id };
  const context = contextOf(request.context, facts);
  if (!context) return undefined;
  return {
    principal: principalUid,
    action: { type: 'Action', id: action },
    resource: resourceUid,
    context,
    entities: [
      {
        uid: principalUid,
        attrs: {
          username: principal.username,
          email: principal.email,
          isAdmin: principal.isAdmin,
          state: principal.state,
        },
        parents: [
          { type: 'Role', id: 'user' },
          ...(principal.isAdmin ? [{ type: 'Role', id: 'admin' }] : []),
          ...principal.teams
            .filter(({ name }) => facts.teams.has(name))
            .map(({ name }) => ({ type: 'Team', id: name })),
        ],
      },
      {
        uid: resourceUid,
        attrs: resourceAttributes(resource),
        parents: resource.parent ? [{ type: resource.parent.type, id: resource.parent.id }] : [],
      },
    ],
  };
}

/** Which attributes a resource has, by type; `schema.cedarschema` says the same, and loading checks that it does. */
export function resourceAttributes({ type, id, attributes }: AuthorizationRequest['resource']): Record<string, string> {
  const name = attributes.name ?? id;
  const title = attributes.title ?? name;
  switch (type) {
    case 'Platform':
      return {};
    case 'Integration':
      return { name, title, audience: attributes.audience ?? '' };
    case 'Service':
      return { name, title, owner: attributes.owner ?? '' };
    case 'Namespace':
    case 'FileArea':
      return { name, owner: attributes.owner ?? '' };
  }
}

function contextOf(context: RequestContext, facts: RuleFacts): Call['context'] | undefined {
  const wants = (name: string): boolean => facts.usesWholeContext || facts.attributes.has(name);
  const record: Call['context'] = {};
  if (wants('method')) record['method'] = context.method;
  if (wants('host')) record['host'] = context.host;
  if (wants('path')) record['path'] = context.path;
  if (wants('isUpgrade')) record['isUpgrade'] = context.isUpgrade;
  if (wants('address')) {
    if (isIP(context.address) === 0 || context.address.includes('%')) return undefined;
    record['address'] = { __extn: { fn: 'ip', arg: context.address } };
  }
  return record;
}
