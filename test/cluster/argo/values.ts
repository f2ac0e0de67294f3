import { parse, stringify } from 'yaml';

type SignIn = { enabled: boolean; rbac: { enabled: boolean; secretWhitelist: string[] } };

type Values = {
  server: { authModes: ('client' | 'sso')[]; extraEnv: { name: string; value: string }[]; sso?: SignIn };
  controller: { workflowDefaults: object };
  mainContainer: object;
  executor: object;
  extraObjects?: object[];
};

/**
 * What the public chart makes of the values that Knot tells an operator to give it (argo-helm,
 * templates/controller/workflow-controller-config-map.yaml and templates/extra-manifests.yaml).
 */
export function settingsFrom(text: string) {
  const { server, controller, mainContainer, executor, extraObjects = [] } = parse(text) as Values;
  const { enabled, rbac, ...signIn } = server.sso ?? { enabled: false, rbac: undefined };
  return {
    authModes: server.authModes,
    variables: Object.fromEntries(server.extraEnv.map(({ name, value }) => [name, value])),
    settings: {
      workflowDefaults: stringify(controller.workflowDefaults),
      mainContainer: stringify(mainContainer),
      executor: stringify(executor),
      ...(enabled && { sso: stringify({ ...signIn, rbac: { enabled: rbac?.enabled } }) }),
    },
    objects: extraObjects,
    /** All the Secrets that its server may read (templates/server/server-cluster-roles.yaml). */
    ...(rbac && { secrets: rbac.secretWhitelist }),
  };
}
