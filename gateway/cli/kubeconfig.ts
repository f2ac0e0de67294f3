import { stringify } from 'yaml';
import type { ClusterAccess } from '../api/index.ts';
import type { Command } from './command.ts';
import { elsewhereOptions, elsewhereUsage, withApi } from './elsewhere/which.ts';

/** `kubectl` and Helm through Knot, under one's own name. */
export const kubeconfigCommands: readonly Command[] = [
  {
    words: ['kubeconfig', 'token'],
    usage: elsewhereUsage,
    summary: 'Prints the credential that kubectl asks for; used by what `knot kubeconfig` prints.',
    options: elsewhereOptions,
    positionals: [0, 0],
    async run(invocation) {
      const token = await withApi(invocation, ({ access }) => access.token());
      // client.authentication.k8s.io/v1 ("client-go credential plugins"). Asked for each command: it is renewed here when it must be.
      const credential = {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token },
      };
      invocation.streams.stdout.write(`${JSON.stringify(credential)}\n`);
    },
  },
  {
    words: ['kubeconfig'],
    usage: `[--command knot] ${elsewhereUsage}`,
    summary:
      'Prints a kubeconfig with a context for each of your namespaces: `knot kubeconfig > FILE`, then KUBECONFIG=FILE kubectl get pods.',
    options: { ...elsewhereOptions, command: { type: 'string' } },
    positionals: [0, 0],
    async run(invocation) {
      const { command } = invocation.options;
      const text = await withApi(invocation, async ({ access, json }) =>
        kubeconfigOf((await json('/api/v1/kubernetes')) as ClusterAccess, {
          ...{ origin: access.origin, ca: access.ca },
          command: typeof command === 'string' ? command : 'knot',
        }),
      );
      invocation.streams.stdout.write(text);
    },
  },
];

/** Holds no secret: who uses it signs in by `knot login`, or by KNOT_TOKEN. */
function kubeconfigOf(
  { server, namespaces }: ClusterAccess,
  { origin, ca, command }: { origin: string; ca: string | undefined; command: string },
): string {
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
            apiVersion: 'client.authentication.k8s.io/v1',
            command,
            args: ['kubeconfig', 'token', '--at', origin],
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
