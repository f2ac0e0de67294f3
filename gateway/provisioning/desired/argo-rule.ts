import type { Wanted } from './wanted.ts';

/**
 * Whom Argo's server lets act as an account in its namespace, of those whom it has signed in (SSO RBAC and its delegation to namespaces:
 * docs/argo-server-sso.md, server/auth/gatekeeper.go). By `sub`, which never changes and is never somebody else's, and not by groups: those
 * are as they were at the sign-in, up to ten hours ago, and of whoever is in many teams they would be too long for its cookie.
 */
export function argoRule({
  owner,
  isPaused,
  members = [],
}: Pick<Wanted, 'owner' | 'isPaused' | 'members'>): Record<string, string> {
  const ids = owner.kind === 'user' ? [owner.id] : members.map(({ id }) => id).toSorted();
  const isNobodys = isPaused || ids.length === 0;
  return {
    'workflows.argoproj.io/rbac-rule': isNobodys
      ? 'false'
      : `sub in [${ids.map((id) => JSON.stringify(id)).join(', ')}]`,
    // Above that of the account in Argo's own namespace, which everybody has who is signed in.
    'workflows.argoproj.io/rbac-rule-precedence': '1',
  };
}
