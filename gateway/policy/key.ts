import type { AuthorizationRequest } from '../lib/index.ts';
import type { RuleFacts } from './facts.ts';

/** A longer key is not worth its memory: the decision is made anew. */
export const maxKeyLength = 512;

/**
 * The key of a cached decision: every fact the rules in force can see, and no other. Free text is preceded by its length, so
 * that no two requests share a key whatever they contain.
 */
export function keyOf(
  { principal, action, resource, context, shared }: AuthorizationRequest,
  facts: RuleFacts,
): string {
  const { attributes, usesWholeContext, usesNamespaces } = facts;
  let key = `${principal.id} ${principal.version} ${action} ${resource.type}${text(resource.id)}`;
  if (resource.parent) key += `^${resource.parent.type}${text(resource.parent.id)}`;
  if (shared) key += `s${text(shared.join())}`;
  // Which groups of the person are sent depends on it, so every rule may.
  if (resource.attributes.team !== undefined) key += `g${text(resource.attributes.team)}`;
  if (usesNamespaces || attributes.has('owner')) key += `o${text(resource.attributes.owner)}`;
  if (attributes.has('audience')) key += `a${text(resource.attributes.audience)}`;
  if (attributes.has('name')) key += `n${text(resource.attributes.name)}`;
  if (attributes.has('title')) key += `t${text(resource.attributes.title)}${text(resource.attributes.name)}`;
  if (usesWholeContext || attributes.has('method')) key += `m${text(context.method)}`;
  if (usesWholeContext || attributes.has('host')) key += `h${text(context.host)}`;
  if (usesWholeContext || attributes.has('path')) key += `p${text(context.path)}`;
  if (usesWholeContext || attributes.has('address')) key += `i${text(context.address)}`;
  if (usesWholeContext || attributes.has('isUpgrade')) key += context.isUpgrade ? 'u1' : 'u0';
  return key;
}

function text(value: string | undefined): string {
  return value === undefined ? '-' : `${value.length}:${value}`;
}
