import { isIP } from 'node:net';
import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import type { AuthorizationRequest, RequestContext } from '../lib/index.ts';
import type { RuleFacts } from './facts.ts';

export type Call = {
  principal: TypeAndId;
  action: TypeAndId;
  resource: TypeAndId;
  context: Record<string, CedarValueJson>;
  entities: EntityJson[];
};

/** The request in Cedar's words, or undefined when it cannot be said in them. */
export function callOf(request: AuthorizationRequest, facts: RuleFacts): Call | undefined {
  const { principal, action, resource } = request;
  const principalUid = { type: 'User', id: principal.id };
  const resourceUid = { type: resource.type, id: resource.id };
  const context = contextOf(request.context, facts);
  if (!context) return undefined;
  const attributes = resourceAttributes(resource);
  const { owner = '', team = '' } = resource.attributes;
  const texts = [
    principal.id,
    principal.username,
    principal.email,
    resource.id,
    resource.parent?.id ?? '',
    owner,
    team,
  ];
  if (!isSayable(texts) || !isSayable(Object.values(attributes)) || !isSayable(Object.values(context)))
    return undefined;
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
        parents: groupsOf(request, facts),
      },
      {
        uid: resourceUid,
        attrs: attributes,
        parents: placesOf(resource, facts),
      },
    ],
  };
}

/** What the principal is in. Of many teams only those are sent that a rule names, or that own what is asked for. */
function groupsOf({ principal, resource, shared }: AuthorizationRequest, facts: RuleFacts): TypeAndId[] {
  const groups: TypeAndId[] = [];
  // A guest is in no role: only a share lets them in.
  if (principal.state !== 'guest') groups.push({ type: 'Role', id: 'user' });
  if (principal.isAdmin) groups.push({ type: 'Role', id: 'admin' });
  for (const { name, role } of principal.teams) {
    if (name !== resource.attributes.team && !facts.teams.has(name)) continue;
    groups.push({ type: 'Team', id: name });
    if (role === 'manager') groups.push({ type: 'Managers', id: name });
  }
  for (const right of shared ?? []) groups.push({ type: 'Share', id: right });
  return groups;
}

/** What the resource stands in: the tool, and where a rule names one, the namespace of its owner. */
function placesOf({ type, parent, attributes: { owner } }: AuthorizationRequest['resource'], facts: RuleFacts) {
  const places: TypeAndId[] = parent ? [{ type: parent.type, id: parent.id }] : [];
  if (facts.usesNamespaces && owner && type !== 'Namespace') places.push({ type: 'Namespace', id: owner });
  return places;
}

/**
 * Characters of the longest text that rules can compare with a pattern. Addresses come from anybody and may be long
 * (decisions/0021); patterns come from admins and may be many: it is their product that everybody waits for.
 */
export function longestText({ principal, resource, context }: AuthorizationRequest): number {
  const { name, title, owner, audience } = resource.attributes;
  const most = Math.max(context.path.length, context.host.length, context.method.length, principal.email.length);
  return Math.max(
    most,
    resource.id.length,
    name?.length ?? 0,
    title?.length ?? 0,
    owner?.length ?? 0,
    audience?.length ?? 0,
  );
}

/** Half of a surrogate pair is no text in UTF-8, and Cedar's reader breaks off in the middle of its work when it meets one. */
function isSayable(values: readonly unknown[]): boolean {
  for (const value of values) if (typeof value === 'string' && !value.isWellFormed()) return false;
  return true;
}

/** Which attributes a resource has, by type; `schema.cedarschema` says the same, and loading checks that it does. */
export function resourceAttributes({
  type,
  id,
  attributes,
}: AuthorizationRequest['resource']): Record<string, CedarValueJson> {
  const name = attributes.name ?? id;
  const title = attributes.title ?? name;
  switch (type) {
    case 'Platform':
      return {};
    case 'Integration':
      return { name, title, audience: attributes.audience ?? '' };
    case 'Service':
      return { name, title, ...ownership(attributes) };
    case 'Namespace':
    case 'FileArea':
      return { name, ...ownership(attributes) };
  }
}

function ownership({
  owner = '',
  team,
}: AuthorizationRequest['resource']['attributes']): Record<string, CedarValueJson> {
  if (team === undefined) return { owner };
  return { owner, team: entity('Team', team), managers: entity('Managers', team) };
}

const entity = (type: string, id: string): CedarValueJson => ({ __entity: { type, id } });

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
