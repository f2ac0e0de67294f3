import type { KubeObject } from '../../kube/index.ts';
import { endpointsRule, hostsRule, servicesRule } from './exposure.ts';
import { identitiesRule, tokenSecretsRule, tokensRule } from './identities.ts';
import { managedRule, namesRule, namespacesRule } from './ours.ts';
import { objectsOf, type Rule, type RuleSettings } from './rule.ts';
import { claimsRule, ephemeralContainersRule, volumesRule } from './workloads.ts';

const rulesOf = (settings: RuleSettings): Rule[] => [
  volumesRule(settings),
  claimsRule,
  servicesRule,
  endpointsRule,
  hostsRule(settings),
  managedRule,
  namesRule,
  namespacesRule,
  identitiesRule,
  tokensRule,
  tokenSecretsRule,
  ...(settings.ephemeralContainers ? [] : [ephemeralContainersRule]),
];

/**
 * What may not be done in the namespaces of people and teams beyond what their rights (RBAC) and Pod Security say: each rule as a
 * ValidatingAdmissionPolicy and its binding. The API server judges by them itself, also while the gateway is down. Pure.
 */
export function policiesOf(settings: RuleSettings): { policy: KubeObject; binding: KubeObject }[] {
  return rulesOf(settings).map((rule) => objectsOf(rule, settings));
}
