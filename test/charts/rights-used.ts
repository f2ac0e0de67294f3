import type { AuditRecord } from '../cluster/audit.ts';

/** A rule of a Role or ClusterRole. */
export type Rule = { apiGroups?: string[]; resources?: string[]; resourceNames?: string[]; verbs: string[] };

/** One thing that a rule allows, `patch apps/deployments/scale`; of named objects with their name, `bind clusterroles=knot-user`. */
export type Right = string;

export type RightsUsed = {
  /** What the rules allow and nobody did. */
  neverUsed: Right[];
  /** What was asked for and refused for want of a right (not by admission): the call as it was made. */
  refused: string[];
  /** What was asked for, with success or not, and is in none of the rules. (An API server that has just begun refuses what it knows no roles for yet.) */
  unlisted: string[];
  /** What was done, and how often. */
  used: Map<Right, number>;
  /** The first call of each, `PATCH /api/v1/namespaces/knot-ann`; the account that was taken on, where it is that. */
  calls: Map<Right, string>;
};

/**
 * Compares what an account really did in a test run, as the audit log of the API server tells, with what its rules allow. Calls that it
 * makes as somebody else count as one: `impersonate`; what that account then did is told of that account.
 *
 *     const { neverUsed, refused } = rightsUsed(await cluster.auditLog(), 'system:serviceaccount:knot:knot-gateway', rules);
 */
export function rightsUsed(records: readonly AuditRecord[], username: string, rules: readonly Rule[]): RightsUsed {
  const used = new Map<Right, number>();
  const calls = new Map<Right, string>();
  const refused = new Set<string>();
  const unlisted = new Set<string>();
  const count = (right: Right | undefined, call: string) => {
    if (right === undefined) return void unlisted.add(call);
    used.set(right, (used.get(right) ?? 0) + 1);
    if (!calls.has(right)) calls.set(right, call);
  };
  for (const record of records) {
    const { impersonatedUser, user, objectRef } = record;
    const actor = impersonatedUser?.username ?? user.username;
    if (user.username === username && impersonatedUser) {
      const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(impersonatedUser.username)?.[2];
      count(
        rightFor(rules, { verb: 'impersonate', group: '', resource: 'serviceaccounts', name: account ?? '' }),
        `Impersonate-User: ${impersonatedUser.username}`,
      );
      for (const key of Object.keys(impersonatedUser.extra ?? {})) {
        const resource = `userextras/${key}`;
        count(
          rightFor(rules, { verb: 'impersonate', group: 'authentication.k8s.io', resource, name: undefined }),
          `Impersonate-Extra-${key}`,
        );
      }
    }
    if (actor !== username || !objectRef) continue;
    const { resource, subresource, apiGroup = '', name } = objectRef;
    const asked = {
      verb: record.verb,
      group: apiGroup,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      name,
    };
    const call = `${record.verb} ${record.requestURI.split('?')[0]}`;
    if (isRefusedByRole(record)) {
      refused.add(call);
      if (rightFor(rules, asked) === undefined) unlisted.add(call);
      continue;
    }
    if (!isEverybodys(record)) count(rightFor(rules, asked), call);
    const { code = 0 } = record.responseStatus ?? {};
    // What is applied and not there yet is created by the call that would patch it (RFC 9110, "201 Created"); the log names the patch alone.
    if (record.verb === 'patch' && code === 201) count(rightFor(rules, { ...asked, verb: 'create' }), call);
    // That a role was bound is told by no call of its own; a binding of ours is called as its role is.
    if (asked.resource === 'rolebindings' && record.verb === 'patch' && code < 300)
      count(rightFor(rules, { verb: 'bind', group, resource: 'clusterroles', name }), call);
  }
  // A rule that was given up is removed by the next release, so names stay in the list; in one run few of them go.
  const isOfMany = (right: Right) =>
    right.startsWith('delete ') && [...used.keys()].some((one) => one.split('=')[0] === right.split('=')[0]);
  // Two that take turns, of which a run sees one half of the way.
  const isOfTwo = (right: Right) =>
    /-[ab]$/.test(right) && ['a', 'b'].some((one) => used.has(right.slice(0, -1) + one));
  const neverUsed = rightsOf(rules).filter((one) => !used.has(one) && !isOfMany(one) && !isOfTwo(one));
  return { neverUsed, refused: [...refused].sort(), unlisted: [...unlisted].sort(), used, calls };
}

const group = 'rbac.authorization.k8s.io';

/** All that rules allow, each once. */
export const rightsOf = (rules: readonly Rule[]): Right[] => [...new Set(rules.flatMap(rightsOfRule))];

/** Admission answers 403 as well, but the authorizer had agreed. */
function isRefusedByRole({ responseStatus, annotations }: AuditRecord): boolean {
  return responseStatus?.code === 403 && annotations?.['authorization.k8s.io/decision'] === 'forbid';
}

/** What the cluster lets everybody do who signed in: ask what they may themselves (`system:basic-user`). */
const isEverybodys = ({ annotations }: AuditRecord): boolean =>
  /ClusterRole "system:(basic-user|discovery|public-info-viewer)"/.test(
    annotations?.['authorization.k8s.io/reason'] ?? '',
  );

function rightsOfRule({ apiGroups = [], resources = [], resourceNames = [], verbs }: Rule): Right[] {
  const names = resourceNames.length > 0 ? resourceNames : [undefined];
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.flatMap((verb) => names.map((name) => right(verb, group, resource, name)))),
  );
}

function rightFor(
  rules: readonly Rule[],
  { verb, group, resource, name }: { verb: string; group: string; resource: string; name: string | undefined },
): Right | undefined {
  // A rule with names is the narrower one, so it is what was used where both would do.
  const matching = rules
    .filter(
      (rule) => rule.apiGroups?.includes(group) && rule.resources?.includes(resource) && rule.verbs.includes(verb),
    )
    .sort((a, b) => Number(b.resourceNames !== undefined) - Number(a.resourceNames !== undefined))
    .find(({ resourceNames }) => resourceNames === undefined || (name !== undefined && resourceNames.includes(name)));
  return matching && right(verb, group, resource, matching.resourceNames === undefined ? undefined : name);
}

function right(verb: string, group: string, resource: string, name: string | undefined): Right {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}${name === undefined ? '' : `=${name}`}`;
}
