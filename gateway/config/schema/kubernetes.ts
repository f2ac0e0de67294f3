import { type Static, Type } from 'typebox';
import { type AddProblem, hostPort, object } from './section.ts';

/** Where the files of people and teams are, as the nodes of the cluster reach them: the same that `files.folder` is for the gateway. */
const StorageConfig = object(
  {
    kind: Type.Union([Type.Literal('hostPath'), Type.Literal('nfs'), Type.Literal('claim')], {
      default: 'hostPath',
      description:
        '`hostPath`: a folder of the node (one node, or one mounted alike on all); `nfs`: an export; `claim`: a claim beside the gateway, whose volume many nodes may mount.',
    }),
    path: Type.Optional(
      Type.String({
        pattern: '^/',
        description: 'Of `hostPath` the folder on the nodes, `files.folder` by default; of `nfs` the exported path.',
      }),
    ),
    server: Type.Optional(Type.String({ minLength: 1, description: 'Of `nfs`: name or address of the server.' })),
    claim: Type.Optional(
      Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$', description: 'Of `claim`: its name.' }),
    ),
  },
  'Where the files of people and teams are for the nodes of the cluster.',
);

/** The cluster that services run in where `engine` is `kubernetes`. */
export const KubernetesConfig = object(
  {
    kubeconfig: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'File that tells how to reach the cluster. Without it Knot takes the service account of its pod.',
      }),
    ),
    context: Type.Optional(
      Type.String({ minLength: 1, description: 'Context of the file; its current one by default.' }),
    ),
    namespace: Type.String({
      default: 'knot',
      pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
      description: 'Namespace of the gateway itself.',
    }),
    namespacePrefix: Type.String({
      default: 'knot-',
      pattern: '^[a-z]([a-z0-9-]{0,20}[a-z0-9])?-$',
      description: 'Before the name of a person; a team has `team-` between both.',
    }),
    helm: Type.String({ default: 'helm', minLength: 1, description: 'The Helm program, version 3.21 or 4.' }),
    storage: StorageConfig,
    podSecurity: Type.Union([Type.Literal('privileged'), Type.Literal('baseline'), Type.Literal('restricted')], {
      default: 'baseline',
      description: 'Pod Security level that the namespaces of people and teams enforce.',
    }),
    admission: object(
      {
        listen: Type.String({
          default: '0.0.0.0:9443',
          pattern: hostPort,
          description: 'Address and port that the API server asks about pods.',
        }),
      },
      'What is asked before a pod is made in the namespace of a person or team.',
    ),
  },
  'The cluster that services run in where `engine` is `kubernetes`.',
);

/** Each kind of storage has what it needs and nothing of another. */
export function checkKubernetes({ storage }: Static<typeof KubernetesConfig>, add: AddProblem): void {
  const { kind, path, server, claim } = storage;
  if (kind === 'nfs' && server === undefined) add('kubernetes.storage.server', 'is needed where kind is nfs');
  if (kind === 'nfs' && path === undefined) add('kubernetes.storage.path', 'is needed where kind is nfs');
  if (kind === 'claim' && claim === undefined) add('kubernetes.storage.claim', 'is needed where kind is claim');
  if (kind !== 'nfs' && server !== undefined) add('kubernetes.storage.server', `has no effect where kind is ${kind}`);
  if (kind !== 'claim' && claim !== undefined) add('kubernetes.storage.claim', `has no effect where kind is ${kind}`);
  if (kind === 'claim' && path !== undefined) add('kubernetes.storage.path', 'has no effect where kind is claim');
}
