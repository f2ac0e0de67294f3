import type { NamespacedPaths } from '../../routes/index.ts';

/**
 * Where the addresses of Argo Workflows lead (4.0: api/openapi-spec/swagger.json, server/apiserver/argoserver.go, ui/src/app-router.tsx).
 * All of them are listed; what begins like one and is none of them is nobody's. `prefix` stands before the names of people.
 */
export const argoPaths = (prefix: string): NamespacedPaths => ({
  prefix,
  paths: [
    // Of the API, and what is below: one workflow, what is done with it, its log.
    ...[...listed, 'events', 'sync', 'workflow-events', 'workflow-event-bindings'].map((kind) => `/api/v1/${kind}/{}`),
    ...['events', 'sensors', 'event-sources'].map((kind) => `/api/v1/stream/${kind}/{}`),
    // Files that steps have left.
    ...['artifacts', 'input-artifacts', 'artifact-files'].map((kind) => `/${kind}/{}`),
    // Pages.
    ...[...listed, 'workflow-event-bindings', 'event-flow', 'reports', 'plugins'].map((page) => `/${page}/{}`),
    '/widgets/workflow-graphs/{}',
    '/widgets/workflow-status-badges/{}',
  ],
  query: {
    // The namespace of an archived workflow is asked for by a parameter, or is not asked for at all.
    paths: ['/api/v1/archived-workflows', '/api/v1/archived-workflows/*', '/api/v1/archived-workflows/*/*'],
    name: 'namespace',
    selector: 'listOptions.fieldSelector',
  },
  wide: [
    // An empty namespace is all of them.
    ...[...listed, 'workflow-events', 'workflow-event-bindings'].map((kind) => `/api/v1/${kind}/`),
    ...['events', 'sensors', 'event-sources'].map((kind) => `/api/v1/stream/${kind}/`),
    '/api/v1/archived-workflows',
    // Labels of everybody's: the server looks at no namespace here, whichever is named (archived_workflow_server.go).
    ...['/api/v1/archived-workflows-label-keys', '/api/v1/archived-workflows-label-values'],
    '/metrics',
  ],
  plain: [
    ...['info', 'userinfo', 'version', 'tracking/event'].map((one) => `/api/v1/${one}`),
    // Templates of the whole cluster, which belong to no namespace. Who may read or change them the cluster says.
    ...['', '/*', '/*/*'].map((rest) => `/api/v1/cluster-workflow-templates${rest}`),
    ...[...listed, 'workflow-event-bindings', 'event-flow', 'reports', 'plugins'].flatMap((page) => [
      `/${page}`,
      `/${page}/`,
    ]),
    ...['/cluster-workflow-templates', '/cluster-workflow-templates/*', '/timeline', '/help', '/apidocs', '/userinfo'],
    ...['/login', '/oauth2/redirect', '/oauth2/callback', '/assets/**', '/'],
  ],
  // Files of whatever workflow has this number.
  refused: ['/artifacts-by-uid/**', '/input-artifacts-by-uid/**'],
});

/** Kinds of objects that there is a list of, and a page. */
const listed = ['workflows', 'workflow-templates', 'cron-workflows', 'event-sources', 'sensors'];
