import { parse, stringify } from 'yaml';

type Values = {
  server: { authModes: ('client' | 'sso')[]; extraEnv: { name: string; value: string }[] };
  controller: { workflowDefaults: object };
  mainContainer: object;
  executor: object;
};

/** What the public chart makes of the values that Knot tells an operator to give it (argo-helm, templates/controller/workflow-controller-config-map.yaml). */
export function settingsFrom(text: string) {
  const { server, controller, mainContainer, executor } = parse(text) as Values;
  return {
    authModes: server.authModes,
    variables: Object.fromEntries(server.extraEnv.map(({ name, value }) => [name, value])),
    settings: {
      workflowDefaults: stringify(controller.workflowDefaults),
      mainContainer: stringify(mainContainer),
      executor: stringify(executor),
    },
  };
}
