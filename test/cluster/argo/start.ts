import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { eventually } from '../../support/eventually.ts';
import type { ControlPlane } from '../control-plane.ts';
import { keepPrograms, type KeptProgram } from '../kept-programs.ts';
import { type End, listen } from '../node/relay-end.ts';
import { argoPrograms, type ArgoPrograms } from './build.ts';
import { definitionsIn, rightsIn, withSecrets } from './manifests.ts';

/** Argo Workflows beside a test cluster. */
export type Argo = {
  /** `http://127.0.0.1:PORT`, where its server answers on this machine. */
  url: string;
  /** Of what belongs to it; goes with it. */
  folder: string;
  programs: ArgoPrograms;
  server: KeptProgram;
  controller: KeptProgram;
  /** Ends both and removes what they left. Done at teardown too. */
  stop(): Promise<void>;
};

export type ArgoOptions = {
  /** Where it is. Default `argo`. */
  namespace?: string;
  /** How people sign in; default `client`: by the token of an account of the cluster. */
  authModes?: readonly ('client' | 'sso')[];
  /** More of the controller's ConfigMap, which the server reads as well. */
  settings?: Record<string, string>;
  /** More variables of the server. */
  variables?: Record<string, string>;
  /** Ports of this machine's 127.0.0.1 that the server reaches at the same address: an issuer. */
  reaches?: readonly number[];
  /** Names of the Secrets that the server may read, as the public chart narrows it; all of them by default. */
  secrets?: readonly string[];
  /** Objects that must be there before the server starts. */
  objects?: readonly object[];
  /** Where its server answers on this machine; a free port by default. */
  listen?: number;
  /** Of the executor in pods. What simulated nodes run needs none. */
  executorImage?: string;
};

/** Its default; in a network of its own nobody else has it. */
const port = 2746;

/**
 * Starts the server and the controller of Argo Workflows against a running cluster, with the definitions, the roles and the accounts
 * that the project publishes. They listen on every address and cannot be told otherwise, so they have a network of their own, from
 * which only the API server is reached.
 *
 *     const argo = await startArgo(t, cluster);
 *     if ('skip' in argo) …
 *
 * Takes some 7 s and 200 MB beside the cluster. With CI=true it is an error where it cannot run.
 */
export async function startArgo(
  t: { teardown(act: () => Promise<void>): void },
  cluster: ControlPlane,
  options: ArgoOptions = {},
): Promise<Argo | { skip: string }> {
  const reason = existsSync('/usr/bin/bwrap') ? undefined : 'bubblewrap is not installed';
  if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);
  if (reason !== undefined) return { skip: reason };
  const programs = await argoPrograms();
  if ('skip' in programs) return programs;

  const { namespace = 'argo', settings = {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'knot-argo-'));
  const kept = keepPrograms(folder, { enter: ownNetwork });
  t.teardown(kept.close);
  const reached = [Number(new URL(cluster.server).port), ...(options.reaches ?? [])];
  const ways = await openWays(folder, reached, options.listen);
  t.teardown(async () => ways.close());
  await kept.run('relays', [process.execPath, join(import.meta.dirname, 'relays.ts'), JSON.stringify(ways.inside)]);

  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...(await definitionsIn(programs.manifests)),
  );
  const rights = await rightsIn(programs.manifests, namespace);
  await cluster.apply(
    ...(options.secrets ? withSecrets(rights, options.secrets) : rights),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'workflow-controller-configmap' },
      data: settings,
    },
    ...(options.objects ?? []),
  );
  await eventually('the definitions of Argo in force', async () => {
    const { status } = await cluster.request('/apis/argoproj.io/v1alpha1/workflows');
    return status === 200;
  });
  /** With its own account and the rights of that alone. */
  const asAccount = async (account: string, more: Record<string, string> = {}): Promise<string[]> => {
    const kubeconfig = join(folder, `${account}.kubeconfig`);
    const token = await cluster.serviceAccountToken(namespace, account);
    await writeFile(kubeconfig, kubeconfigOf(cluster, token), { mode: 0o600 });
    const variables = { KUBECONFIG: kubeconfig, ARGO_NAMESPACE: namespace, ...more };
    return ['env', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
  };

  const controller = await kept.run('controller', [
    ...(await asAccount('argo', {
      LEADER_ELECTION_DISABLE: 'true',
      // Its default of 10 s is what each step of a workflow would wait.
      DEFAULT_REQUEUE_TIME: '100ms',
    })),
    programs.controller,
    `--namespace=${namespace}`,
    `--executor-image=${options.executorImage ?? 'registry.test/argoexec:1'}`,
    '--executor-image-pull-policy=IfNotPresent',
    '--loglevel=warn',
  ]);
  const server = await kept.run('server', [
    ...(await asAccount('argo-server', { IP_KEY_FUNC_HEADERS: 'X-Forwarded-For', ...options.variables })),
    programs.argo,
    ...['server', `--namespace=${namespace}`, '--secure=false', `--port=${port}`],
    ...(options.authModes ?? ['client']).map((mode) => `--auth-mode=${mode}`),
    ...['--x-frame-options=SAMEORIGIN', '--loglevel=warn'],
  ]);
  const url = `http://127.0.0.1:${ways.port}`;
  const untilAnswering = (): Promise<unknown> =>
    eventually('an answer of Argo', async () => {
      for (const name of ['server', 'controller', 'relays']) kept.demand(name);
      // Without a token it is refused, by a server that is up.
      const answer = await request(`${url}/api/v1/version`).catch(() => undefined);
      await answer?.body.dump();
      return answer?.statusCode === 401;
    });
  await untilAnswering();
  return {
    url,
    folder,
    programs,
    controller,
    server: {
      ...server,
      async start() {
        await server.start();
        await untilAnswering();
      },
    },
    async stop() {
      ways.close();
      await kept.close();
    },
  };
}

/** Nothing of it outlives us: the keeper in it sees us end, removes the folder and leaves; the kernel ends what is left with its namespace. */
const ownNetwork = [
  ...['bwrap', '--unshare-net', '--unshare-pid', '--unshare-user', '--uid', '0', '--gid', '0'],
  ...['--bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--'],
];

/**
 * Each way is a TCP port on one side, a Unix socket in the folder and a connection on the other side: `ports` of this machine from
 * inside, and the server from here.
 */
async function openWays(folder: string, ports: readonly number[], at = 0) {
  const inside: { from: End; to: End }[] = [];
  const servers = await Promise.all(
    ports.map((each) => {
      const socket = { path: join(folder, `out-${each}`) };
      const end = { host: '127.0.0.1', port: each };
      inside.push({ from: end, to: socket });
      return listen(socket, end);
    }),
  );
  const socket = { path: join(folder, 'in') };
  inside.push({ from: socket, to: { host: '127.0.0.1', port } });
  const inward = await listen({ host: '127.0.0.1', port: at }, socket);
  servers.push(inward);
  for (const each of servers) each.unref();
  return {
    inside,
    port: (inward.address() as AddressInfo).port,
    close: () => servers.forEach((each) => each.close()),
  };
}

function kubeconfigOf({ server, caFile }: ControlPlane, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
    users: [{ name: 'test', user: { token } }],
  });
}
