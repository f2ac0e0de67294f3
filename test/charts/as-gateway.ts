import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { chartFolder, helmIn, type KubernetesObject, objectsIn } from './helm.ts';
import { type Rule, type RightsUsed, rightsUsed } from './rights-used.ts';

export type GatewayAccount = {
  /** File of a kubeconfig with the token of the gateway's own ServiceAccount. */
  kubeconfig: string;
  /** Accounts, roles, bindings and bounds as Helm made them of the chart. */
  objects: KubernetesObject[];
  /** What the account did so far, beside what its rules allow. The API server writes its record a moment after its answers. */
  rights(): Promise<RightsUsed>;
};

/**
 * Installs of the chart who may do what, and nothing that runs: the way to the cluster is then that of the gateway's own account, with
 * the rights that the chart gives it. Once a cluster.
 */
export async function asGateway(cluster: ControlPlane, { namespace = 'knot' } = {}): Promise<GatewayAccount> {
  const helm = helmIn(cluster.folder, cluster.programs.helm);
  const files = ['rbac-gateway', 'rbac-user', 'rbac-hub', 'rbac-argo', 'bounds'];
  const only = files.flatMap((file) => ['--show-only', `templates/${file}.yaml`]);
  const objects = objectsIn(await helm(['template', 'knot', chartFolder, '--namespace', namespace, ...only]));
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await cluster.apply(...objects);

  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] };
  config.users[0]!.user = { token: await cluster.serviceAccountToken(namespace, 'knot-gateway') };
  const kubeconfig = join(cluster.folder, 'gateway.kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });

  // The authorizer hears of new rules a moment later. The question is an administrator's: what is refused to the gateway counts.
  const name = `system:serviceaccount:${namespace}:knot-gateway`;
  await eventually('the rights of the gateway', async () => {
    const spec = { user: name, resourceAttributes: { verb: 'list', resource: 'persistentvolumes' } };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const asked = { method: 'POST', body };
    return (
      (await cluster.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', asked)).body.status?.allowed === true
    );
  });

  const rules = rulesOfGateway(objects);
  return { kubeconfig, objects, rights: async () => rightsUsed(await cluster.auditLog(), name, rules) };
}

/** The rules of the roles of the gateway, among objects of the chart. */
export const rulesOfGateway = (objects: readonly KubernetesObject[]): Rule[] =>
  objects
    .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === 'knot-gateway')
    .flatMap((role) => role['rules'] as Rule[]);
