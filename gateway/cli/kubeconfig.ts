import { stringify } from 'yaml';
import type { ClusterAccess } from '../api/index.ts';
import { knotError } from '../lib/index.ts';
import { type Command, type Options, UsageError } from './command.ts';
import { readCa } from './elsewhere/access.ts';
import { identityAt } from './elsewhere/sign-in.ts';
import { elsewhereOptions, elsewhereUsage, withApi } from './elsewhere/which.ts';

/** "client-go credential plugins". */
const execVersion = 'client.authentication.k8s.io/v1';

/** `kubectl` and Helm through Knot, under one's own name. */
export const kubeconfigCommands: readonly Command[] = [
  {
    words: ['kubeconfig', 'token'],
    usage: `[--identity] ${elsewhereUsage}`,
    summary:
      'Prints the credential that kubectl asks for; used by what `knot kubeconfig` prints. --identity: an ID token, for an API server that trusts this Knot.',
    options: { ...elsewhereOptions, identity: { type: 'boolean' } },
    positionals: [0, 0],
    async run(invocation) {
      const { at, identity } = invocation.options;
      const status = identity
        ? await identityStatus(at)
        : { token: await withApi(invocation, ({ access }) => access.token()) };
      // Asked for each command: what was kept is renewed here when it must be.
      const credential = { apiVersion: execVersion, kind: 'ExecCredential', status };
      invocation.streams.stdout.write(`${JSON.stringify(credential)}\n`);
    },
  },
  {
    words: ['kubeconfig'],
    usage: `[--direct https://API-SERVER --direct-ca FILE] [--command knot] ${elsewhereUsage}`,
    summary:
      'Prints a kubeconfig with a context for each of your namespaces: `knot kubeconfig > FILE`, then KUBECONFIG=FILE kubectl get pods. --direct: past the gateway, to an API server that trusts this Knot as an issuer.',
    options: {
      ...elsewhereOptions,
      command: { type: 'string' },
      direct: { type: 'string' },
      'direct-ca': { type: 'string' },
    },
    positionals: [0, 0],
    async run(invocation) {
      const { command, direct, 'direct-ca': directCa } = invocation.options;
      if (directCa !== undefined && direct === undefined) throw new UsageError('--direct-ca belongs to --direct');
      const text = await withApi(invocation, async ({ access, json }) => {
        const found = (await json('/api/v1/kubernetes')) as ClusterAccess;
        const isDirect = typeof direct === 'string';
        const server = isDirect ? direct : found.server;
        if (server === undefined) {
          throw knotError('KNOT_CLI_NO_CLUSTER', 409, `${access.origin} does not lead programs to its cluster.`, {
            remedy: 'Name the API server with --direct and --direct-ca, if it trusts this Knot.',
          });
        }
        return kubeconfigOf({
          namespaces: found.namespaces,
          server,
          ca: isDirect ? (typeof directCa === 'string' ? readCa(directCa) : undefined) : access.ca,
          origin: access.origin,
          isDirect,
          command: typeof command === 'string' ? command : 'knot',
        });
      });
      invocation.streams.stdout.write(text);
    },
  },
];

async function identityStatus(at: Options[string]) {
  const { idToken, expiresAt } = await identityAt(typeof at === 'string' ? at : undefined);
  return { token: idToken, expirationTimestamp: new Date(expiresAt).toISOString() };
}

/** Holds no secret: who uses it signs in by `knot login`, or by KNOT_TOKEN. */
function kubeconfigOf({
  namespaces,
  server,
  ca,
  origin,
  isDirect,
  command,
}: Required<ClusterAccess> & { ca: string | undefined; origin: string; isDirect: boolean; command: string }): string {
  const cluster = new URL(server).hostname;
  const authority = ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, ...authority } }],
    users: [
      {
        name: 'knot',
        user: {
          exec: {
            apiVersion: execVersion,
            command,
            args: ['kubeconfig', 'token', ...(isDirect ? ['--identity'] : []), '--at', origin],
            interactiveMode: 'Never',
            installHint: `Install knot, and sign in: knot login ${origin}`,
          },
        },
      },
    ],
    contexts: namespaces.map(({ name }) => ({ name, context: { cluster, user: 'knot', namespace: name } })),
    'current-context': namespaces[0]?.name,
  });
}
