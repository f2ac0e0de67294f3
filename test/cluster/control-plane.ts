import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { type AuditRecord, auditPolicyOfTests, readAuditLog } from './audit.ts';
import { clusterPrograms, type Programs } from './build.ts';
import { type Client, openClient } from './client.ts';
import { type Credentials, makeCredentials, type User, writerOf } from './credentials.ts';
import {
  apiserverFlags,
  controllerManagerFlags,
  etcdFlags,
  etcdUrl,
  flagsForNodes,
  kwokFlags,
  schedulerFlags,
} from './flags.ts';
import { keepPrograms, type KeptProgram, type KeptPrograms } from './kept-programs.ts';
import { kwokConfiguration, simulatedLog, simulatedNode } from './kwok.ts';
import { leaveCalls } from './left-calls.ts';

export type { Answer, RequestOptions } from './client.ts';
export type { User } from './credentials.ts';

type ProgramOfPlane = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

export type ControlPlaneOptions = {
  /** How many simulated nodes (names `node-0` …), or each by its name and what it has. 0: no scheduler and no kwok. Default 1, or 0 in a place. */
  nodes?: number | Record<string, Record<string, string>>;
  /** Users with a bearer token from the start, beside `admin`. A certificate for anybody can be had later: `kubeconfigOf`. */
  users?: readonly User[];
  /** An AuthenticationConfiguration (`apiserver.config.k8s.io/v1`); its issuer must answer already. */
  authentication?: object;
  /** An audit Policy; default: everything but what the cluster's own programs do, without bodies. */
  auditPolicy?: object;
  /** More arguments, by program: `{ etcd: ['--quota-backend-bytes=…'] }`. */
  flags?: Partial<Record<ProgramOfPlane, readonly string[]>>;
  /** A network of its own, in which real nodes join in (`node/start.ts`); this machine's by default. */
  place?: Place;
};

/** Where the programs run when it is not the network of this machine. */
export type Place = {
  /** What stands before the command line of a program that is to run there. */
  enter: readonly string[];
  /** Of the API server: the same there and here. */
  port: number;
  /** Where nodes and pods find the API server. */
  address: string;
};

export type ControlPlane = Client & {
  /** `https://127.0.0.1:PORT` */
  server: string;
  folder: string;
  caFile: string;
  /** File of the admin's kubeconfig. */
  kubeconfig: string;
  programs: Programs;
  /** Milliseconds from the call to a cluster that may be used. */
  startedInMs: number;
  /** Of `admin` or of one of the option's users. */
  tokenOf(user: string): string;
  /** Writes a kubeconfig with a client certificate of this user, whom nobody need have known before. */
  kubeconfigOf(user: User): Promise<string>;
  /** A certificate of the cluster's authority, for a webhook or a client of a test's own. */
  issue: Credentials['authority']['issue'];
  /** All records so far, oldest first. The API server writes them a moment after its answer. */
  auditLog(): Promise<AuditRecord[]>;
  etcd: KeptProgram;
  /** Of its clients. */
  etcdUrl: string;
  /** `start` resolves when it answers again. */
  apiserver: KeptProgram;
  controllerManager: KeptProgram;
  /** Absent without nodes. */
  scheduler: KeptProgram | undefined;
  /** Absent without simulated nodes. */
  kwok: KeptProgram | undefined;
  /** Runs one more program for as long as the cluster; its log is NAME.log in the folder. */
  run(name: string, command: readonly string[]): Promise<KeptProgram>;
  /** @throws with the end of its log, when this program has ended unasked. */
  demand(name: string): void;
  /** Registers one more simulated node and resolves when it is ready. */
  addNode(name: string, allocatable?: Record<string, string>): Promise<void>;
  /** Ends everything at once and removes the folder. Done at teardown too. */
  stop(): Promise<void>;
};

type Teardown = { teardown(act: () => Promise<void>): void };

/**
 * A real control plane on loopback: etcd, API server, controller manager, scheduler, and simulated nodes. Ends with the test, and with
 * the process however that ends.
 *
 *     const cluster = await startControlPlane(t);
 *     if ('skip' in cluster) …
 *
 * Takes some 4 s and 700 MB: one a file, with fresh names in place of waiting until a namespace is gone (5 s).
 */
export async function startControlPlane(
  t: Teardown,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane | { skip: string }> {
  const programs = await clusterPrograms();
  if ('skip' in programs) return programs;
  for (let triesLeft = 2; ; triesLeft--) {
    const startedAt = performance.now();
    const folder = await mkdtemp(join(tmpdir(), 'knot-cluster-'));
    const kept = keepPrograms(folder);
    t.teardown(kept.close);
    try {
      return await start(t, options, { programs, kept, folder, startedAt });
    } catch (error) {
      await kept.close();
      // Between the moment a port was found free and the one a program takes it, somebody else may have.
      if (triesLeft === 0 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function start(
  t: Teardown,
  options: ControlPlaneOptions,
  { programs, kept, folder, startedAt }: { programs: Programs; kept: KeptPrograms; folder: string; startedAt: number },
): Promise<ControlPlane> {
  const { place, authentication } = options;
  const file = (name: string) => join(folder, name);
  const write = writerOf(folder);
  const [etcdPort, peer, apiserverPort, kubelet] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = { etcd: etcdPort, peer, apiserver: place?.port ?? apiserverPort, kubelet };
  const setting = { file, address: '127.0.0.1', ports };
  const server = `https://127.0.0.1:${ports.apiserver}`;
  const run = (name: ProgramOfPlane, flags: readonly string[]) =>
    kept.run(name, [...(place?.enter ?? []), ...programs[name], ...flags, ...(options.flags?.[name] ?? [])]);
  /** Something that a program does not say before it is ready; when it has ended instead that is an error at once. */
  const until = (what: string, program: ProgramOfPlane, isSo: () => Promise<boolean>) =>
    eventually(what, () => {
      kept.demand(program);
      return isSo();
    });

  const etcd = await run('etcd', etcdFlags(setting));
  // Made while etcd starts.
  const names = place === undefined ? [] : [place.address];
  const credentials = await makeCredentials(folder, { server, users: options.users ?? [], names });
  const client = openClient({ server, folder, programs }, credentials);
  t.teardown(client.close);
  await write('audit-policy.yaml', options.auditPolicy ?? auditPolicyOfTests);
  await write('audit.log', '');
  if (authentication !== undefined) await write('authentication.yaml', authentication);
  // From outside a place it is not reached; the API server waits for it too.
  if (place === undefined) await until('an answer of etcd', 'etcd', () => accepts(ports.etcd));

  const hasAnswered = (path: string) =>
    client.request(path).then(
      ({ status }) => status === 200,
      () => false,
    );
  const untilAnswering = () => until('an answer of the API server', 'kube-apiserver', () => hasAnswered('/readyz'));
  const apiserver = await run('kube-apiserver', [
    ...apiserverFlags(setting),
    ...(authentication === undefined ? [] : [`--authentication-config=${file('authentication.yaml')}`]),
    ...(place === undefined ? [] : flagsForNodes(setting, place)),
  ]);
  await untilAnswering();

  const controllerManager = await run('kube-controller-manager', controllerManagerFlags(setting));
  const nodes = nodesOf(options);
  const hasNodes = Object.keys(nodes).length > 0;
  const scheduler = hasNodes || place !== undefined ? await run('kube-scheduler', schedulerFlags(setting)) : undefined;
  const kwok = hasNodes ? await startKwok() : undefined;

  async function startKwok(): Promise<KeptProgram> {
    await write('pod.log', simulatedLog);
    await write('kwok.yaml', kwokConfiguration({ logsFile: file('pod.log') }));
    return run('kwok', kwokFlags(setting));
  }

  async function addNode(name: string, allocatable: Record<string, string> = {}): Promise<void> {
    const node = simulatedNode(name, allocatable);
    const { status, body } = await client.request('/api/v1/nodes', { method: 'POST', body: node });
    if (status !== 201) throw new Error(`the node ${name} was refused: ${JSON.stringify(body)}`);
    await until(`a ready node ${name}`, 'kwok', async () => {
      const { body: seen } = await client.request(`/api/v1/nodes/${name}`);
      const conditions = (seen.status?.conditions ?? []) as { type: string; status: string }[];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    });
  }
  await Promise.all([
    until('the default service account', 'kube-controller-manager', () =>
      hasAnswered('/api/v1/namespaces/default/serviceaccounts/default'),
    ),
    ...Object.entries(nodes).map(([name, room]) => addNode(name, room)),
  ]);

  const { caFile, kubeconfig, tokenOf, kubeconfigOf, authority } = credentials;
  let isLeft = false;
  /** Before its folder goes. */
  const leave = async (): Promise<void> => {
    if (isLeft) return;
    isLeft = true;
    await leaveCalls(file('audit.log'));
  };
  t.teardown(leave);
  return {
    ...client,
    server,
    folder,
    caFile,
    kubeconfig,
    programs,
    startedInMs: performance.now() - startedAt,
    tokenOf,
    kubeconfigOf,
    issue: authority.issue,
    auditLog: () => readAuditLog(file('audit.log')),
    etcd,
    etcdUrl: etcdUrl(setting),
    apiserver: {
      ...apiserver,
      async start() {
        await apiserver.start();
        await untilAnswering();
      },
    },
    controllerManager,
    scheduler,
    kwok,
    run: kept.run,
    demand: kept.demand,
    addNode,
    async stop() {
      await leave();
      await client.close();
      await kept.close();
    },
  };
}

/** Each by its name, with what it has. */
function nodesOf({ nodes, place }: ControlPlaneOptions): Record<string, Record<string, string>> {
  const wanted = nodes ?? (place === undefined ? 1 : 0);
  if (typeof wanted !== 'number') return wanted;
  return Object.fromEntries(Array.from({ length: wanted }, (_, n) => [`node-${n}`, {}]));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
