import { isIP } from 'node:net';
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
    class: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
        description:
          'StorageClass of what services keep for themselves (databases), on claims of their own. Without it that is in hidden folders of their owners’ files.',
      }),
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
    graceDays: Type.Number({
      default: 7,
      minimum: 0,
      maximum: 3650,
      description:
        'How long the namespace of a person or team that was deleted stays, with nothing running in it. Their files are not in it.',
    }),
    admission: object(
      {
        listen: Type.String({
          default: '0.0.0.0:9443',
          pattern: hostPort,
          description: 'Address and port that the API server asks about pods.',
        }),
        url: Type.Optional(
          Type.String({
            pattern: '^https://',
            description:
              'Where the API server reaches that address, when not by the Service `knot-admission` in `kubernetes.namespace`: a host name, or an address of this machine (127.0.0.1).',
          }),
        ),
        clientCa: Type.Optional(
          Type.String({
            minLength: 1,
            description:
              'File of the authority (PEM) whose certificate the API server must show; give it one with an AdmissionConfiguration (`--admission-control-config-file`). Without it only the network keeps others from asking.',
          }),
        ),
        clientNames: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: 'Common names of certificates of `clientCa` that may ask; all of them where none is named.',
        }),
        csiDrivers: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: 'Storage drivers that a pod may ask for a volume of its own (inline CSI).',
        }),
        ephemeralContainers: Type.Boolean({
          default: false,
          description:
            'Whether people may add a container to a pod of theirs that runs (`kubectl debug`). Quotas do not count it.',
        }),
      },
      'What is asked before a pod is made in the namespace of a person or team.',
    ),
  },
  'The cluster that services run in where `engine` is `kubernetes`.',
);

/** Each kind of storage has what it needs and nothing of another. */
export function checkKubernetes({ storage, admission }: Static<typeof KubernetesConfig>, add: AddProblem): void {
  const { kind, path, server, claim } = storage;
  if (kind === 'nfs' && server === undefined) add('kubernetes.storage.server', 'is needed where kind is nfs');
  if (kind === 'nfs' && path === undefined) add('kubernetes.storage.path', 'is needed where kind is nfs');
  if (kind === 'claim' && claim === undefined) add('kubernetes.storage.claim', 'is needed where kind is claim');
  if (kind !== 'nfs' && server !== undefined) add('kubernetes.storage.server', `has no effect where kind is ${kind}`);
  if (kind !== 'claim' && claim !== undefined) add('kubernetes.storage.claim', `has no effect where kind is ${kind}`);
  if (kind === 'claim' && path !== undefined) add('kubernetes.storage.path', 'has no effect where kind is claim');
  checkAdmission(admission, add);
}

function checkAdmission(
  { url, clientCa, clientNames }: Static<typeof KubernetesConfig>['admission'],
  add: AddProblem,
): void {
  if (clientCa === undefined && clientNames.length > 0)
    add('kubernetes.admission.clientNames', 'has no effect without kubernetes.admission.clientCa');
  if (url === undefined) return;
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  if (host === '') add('kubernetes.admission.url', 'is no address');
  // The authority of the listener is bound to names; of addresses only to those of this machine.
  else if (isIP(host.replace(/^\[|\]$/g, '')) !== 0 && !['127.0.0.1', '[::1]'].includes(host))
    add(
      'kubernetes.admission.url',
      'must have a host name: an address of another machine is in no certificate of Knot',
    );
}
