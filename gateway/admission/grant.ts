/** A claim of an owner's namespace, and where its files appear in every container. */
export type GrantedClaim = {
  /** Name of the PersistentVolumeClaim: `knot-private`. */
  claim: string;
  /** Absolute and without a slash at its end: `/files/private`. */
  path: string;
  /** `own`: of the person or team that the namespace belongs to; `shared`: everybody's; `team`: of a team the person is in. */
  area: 'own' | 'shared' | 'team';
};

/** What the pods of one namespace are given. */
export type Grant = {
  namespace: string;
  owner: { name: string };
  claims: readonly GrantedClaim[];
  /** More variables, of this installation: `KNOT_INGRESS_URL`, `KNOT_ARGO_WORKFLOWS_URL`, the registries. */
  environment?: Readonly<Record<string, string>>;
};

/** How much of its owner's files a pod asks for; `all` where it does not say. */
export type WantedFiles = 'all' | 'private' | 'none';

/** Annotation of a pod (in a workload: of its pod template) that asks for less than all files. */
export const filesAnnotation = 'knot/files';

/** The claims of a grant that a pod gets. */
export function claimsFor({ claims }: Grant, wanted: WantedFiles): readonly GrantedClaim[] {
  if (wanted === 'none') return [];
  return wanted === 'private' ? claims.filter(({ area }) => area === 'own') : claims;
}

/**
 * What every container is told, by the names of the earlier Knot. Corrected: a folder is named only where it is there, the private
 * one of a team is the team's folder, and the namespace is the one the pod is in.
 */
export function environmentFor(grant: Grant, wanted: WantedFiles): Record<string, string> {
  const claims = claimsFor(grant, wanted);
  const own = claims.find(({ area }) => area === 'own');
  const shared = claims.find(({ area }) => area === 'shared');
  return {
    ...grant.environment,
    KNOT_USERNAME: grant.owner.name,
    KNOT_NAMESPACE: grant.namespace,
    ...(own && { KNOT_PRIVATE_DIR: own.path, KNOT_PRIVATE_VOLUME: own.claim }),
    ...(shared && { KNOT_SHARED_DIR: shared.path, KNOT_SHARED_VOLUME: shared.claim }),
  };
}
