import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request as send } from 'undici';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { type AuditRecord, auditPolicyOfTests, readAuditLog } from './audit.ts';
import { clusterPrograms, type Programs } from './build.ts';
import { makeAuthority, newKeyPair } from './certificates.ts';
import {
  apiserverFlags,
  controllerManagerFlags,
  etcdFlags,
  flagsForNodes,
  kwokFlags,
  schedulerFlags,
} from './flags.ts';
import { keepPrograms, type KeptProgram } from './kept-programs.ts';
import { kwokConfiguration, simulatedLog, simulatedNode } from './kwok.ts';

/** Who a request is from: `knot` in the groups `system:masters`, or whoever a test needs. */
export type User = { name: string; groups?: readonly string[] };

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

export type Answer = {
  status: number;
  /** What its JSON holds, or text. */
  body: ReturnType<typeof JSON.parse>;
  headers: Record<string, string | string[] | undefined>;
};

export type RequestOptions = {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** `application/json`; a patch says which (`application/apply-patch+yaml` takes JSON too). */
  contentType?: string;
  /** A bearer token; default: the admin's. */
  token?: string;
  headers?: Record<string, string>;
};

export type ControlPlane = {
  /** `https://127.0.0.1:PORT` */
  server: string;
  folder: string;
  caFile: string;
  /** File of the admin's kubeconfig. */
  kubeconfig: string;
  programs: Programs;
  /** Milliseconds from the call to a cluster that may be used. */
  startedInMs: number;
  /** Resolves with standard output. @throws with standard error. */
  kubectl(...args: string[]): Promise<string>;
  /** The same with something on standard input, or as somebody else. */
  kubectlWith(options: { input?: string; kubeconfig?: string }, ...args: string[]): Promise<string>;
  /** Server-side apply of any objects, by field manager `test`, forced. */
  apply(...objects: object[]): Promise<void>;
  /** One request to the API server. Some milliseconds, where a kubectl takes a good part of a second. */
  request(path: string, options?: RequestOptions): Promise<Answer>;
  /** Of `admin` or of one of the option's users. */
  tokenOf(user: string): string;
  /** TokenRequest, for an hour. */
  serviceAccountToken(namespace: string, name: string, audiences?: readonly string[]): Promise<string>;
  /** Writes a kubeconfig with a client certificate of this user, whom nobody need have known before. */
  kubeconfigOf(user: User): Promise<string>;
  /** A certificate of the cluster's authority, for a webhook or a client of a test's own. */
  issue: Awaited<ReturnType<typeof makeAuthority>>['issue'];
  /** All records so far, oldest first. The API server writes them a moment after its answer. */
  auditLog(): Promise<AuditRecord[]>;
  etcd: KeptProgram;
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

const startTimeoutMs = 60_000;

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
  t: { teardown(act: () => Promise<void>): void },
  options: ControlPlaneOptions = {},
): Promise<ControlPlane | { skip: string }> {
  const found = await clusterPrograms();
  if ('skip' in found) return found;
  const programs = found;
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'knot-cluster-'));
  const kept = keepPrograms(folder);
  t.teardown(kept.close);
  const file = (name: string) => join(folder, name);
  const write = async (name: string, content: string | object) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(file(name), text, { mode: 0o600 });
    return file(name);
  };

  const { place } = options;
  const [etcdPort, peer, apiserverPort, kubelet] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = { etcd: etcdPort, peer, apiserver: place?.port ?? apiserverPort, kubelet };
  const setting = { file, address: '127.0.0.1', ports };
  const server = `https://127.0.0.1:${ports.apiserver}`;
  const run = (name: ProgramOfPlane, flags: readonly string[]) =>
    kept.run(name, [...(place?.enter ?? []), ...programs[name], ...flags, ...(options.flags?.[name] ?? [])]);
  const etcd = await run('etcd', etcdFlags(setting));

  // Certificates and tokens are made while etcd starts.
  const authority = await makeAuthority();
  const caFile = await write('ca.crt', authority.cert);
  await write('ca.key', authority.key);
  async function issueTo(name: string, subject: Parameters<typeof authority.issue>[0]): Promise<void> {
    const { cert, key } = await authority.issue(subject);
    await write(`${name}.crt`, cert);
    await write(`${name}.key`, key);
  }
  const inCluster = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map((end) => `kubernetes${end}`);
  await issueTo('apiserver', {
    commonName: 'kube-apiserver',
    names: ['127.0.0.1', '10.96.0.1', 'localhost', ...inCluster, ...(place === undefined ? [] : [place.address])],
  });
  await issueTo('kubelet-client', { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] });
  await issueTo('kubelet', { commonName: 'kwok', names: ['127.0.0.1'] });
  const serviceAccounts = newKeyPair();
  await write('service-accounts.key', serviceAccounts.key);
  await write('service-accounts.pub', serviceAccounts.publicKey);

  const users: User[] = [
    { name: 'admin', groups: ['system:masters'] },
    { name: 'system:kwok', groups: ['system:masters'] },
    { name: 'system:kube-controller-manager' },
    { name: 'system:kube-scheduler' },
    ...(options.users ?? []),
  ];
  const tokens = new Map(users.map(({ name }) => [name, randomBytes(16).toString('hex')]));
  const tokenOf = (user: string) => {
    const token = tokens.get(user);
    if (token === undefined) throw new Error(`the cluster was started without a user ${user}`);
    return token;
  };
  const lines = users.map(({ name, groups = [] }) => `${tokenOf(name)},${name},${name},"${groups.join(',')}"`);
  await write('tokens.csv', `${lines.join('\n')}\n`);
  const kubeconfigWith = (name: string, user: object) =>
    write(`${name}.kubeconfig`, {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
      users: [{ name: 'test', user }],
    });
  const kubeconfig = await kubeconfigWith('admin', { token: tokenOf('admin') });
  await write('audit-policy.yaml', options.auditPolicy ?? auditPolicyOfTests);
  await write('audit.log', '');

  const agent = new Agent({ connect: { ca: authority.cert } });
  t.teardown(() => agent.destroy());

  async function request(path: string, asked: RequestOptions = {}): Promise<Answer> {
    const { method = 'GET', body, contentType = 'application/json', token = tokenOf('admin'), headers } = asked;
    const answer = await send(`${server}${path}`, {
      dispatcher: agent,
      method: method as 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': contentType }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text, headers: answer.headers };
  }

  /** Whether an address answers well; a program that has ended instead is an error at once. */
  const answersAt = async (program: string, path: string): Promise<boolean> => {
    kept.demand(program);
    return request(path).then(
      ({ status }) => status === 200,
      () => false,
    );
  };
  const untilAnswering = () =>
    eventually('an answer of the API server', () => answersAt('kube-apiserver', '/readyz'), startTimeoutMs);

  // From outside a place it is not reached; the API server waits for it too.
  if (place === undefined) {
    await eventually(
      'an answer of etcd',
      () => {
        kept.demand('etcd');
        return accepts(ports.etcd);
      },
      startTimeoutMs,
    );
  }
  if (options.authentication !== undefined) await write('authentication.yaml', options.authentication);
  const apiserver = await run('kube-apiserver', [
    ...apiserverFlags(setting),
    ...(options.authentication === undefined ? [] : [`--authentication-config=${file('authentication.yaml')}`]),
    ...(place === undefined ? [] : flagsForNodes(setting, place)),
  ]);
  await untilAnswering();

  await kubeconfigWith('controller-manager', { token: tokenOf('system:kube-controller-manager') });
  const controllerManager = await run('kube-controller-manager', controllerManagerFlags(setting));

  const given = options.nodes ?? (place === undefined ? 1 : 0);
  const nodes =
    typeof given === 'number' ? Object.fromEntries(Array.from({ length: given }, (_, i) => [`node-${i}`, {}])) : given;
  const hasNodes = Object.keys(nodes).length > 0;
  const scheduler = hasNodes || place !== undefined ? await startScheduler() : undefined;
  const kwok = hasNodes ? await startKwok() : undefined;

  async function startScheduler(): Promise<KeptProgram> {
    await kubeconfigWith('scheduler', { token: tokenOf('system:kube-scheduler') });
    return run('kube-scheduler', schedulerFlags(setting));
  }

  async function startKwok(): Promise<KeptProgram> {
    await kubeconfigWith('kwok', { token: tokenOf('system:kwok') });
    await write('pod.log', simulatedLog);
    await write('kwok.yaml', kwokConfiguration({ logsFile: file('pod.log') }));
    return run('kwok', kwokFlags(setting));
  }

  async function addNode(name: string, allocatable: Record<string, string> = {}): Promise<void> {
    const { status, body } = await request('/api/v1/nodes', {
      method: 'POST',
      body: simulatedNode(name, allocatable),
    });
    if (status !== 201) throw new Error(`the node ${name} was refused: ${JSON.stringify(body)}`);
    await eventually(
      `a ready node ${name}`,
      async () => {
        kept.demand('kwok');
        const { body: node } = await request(`/api/v1/nodes/${name}`);
        return node.status?.conditions?.some(
          ({ type, status }: { type: string; status: string }) => type === 'Ready' && status === 'True',
        );
      },
      startTimeoutMs,
    );
  }
  const untilServiceAccount = eventually(
    'the default service account',
    () => answersAt('kube-controller-manager', '/api/v1/namespaces/default/serviceaccounts/default'),
    startTimeoutMs,
  );
  await Promise.all([untilServiceAccount, ...Object.entries(nodes).map(([name, room]) => addNode(name, room))]);

  function kubectlWith(
    { input, kubeconfig: as = kubeconfig }: { input?: string; kubeconfig?: string },
    ...args: string[]
  ): Promise<string> {
    const [program, ...before] = programs.kubectl;
    return new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...before, `--kubeconfig=${as}`, ...args],
        // Its cache of what the server offers lies in the home folder.
        { env: { PATH: process.env['PATH'], HOME: folder }, cwd: folder, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => (error ? reject(new Error(stderr || error.message)) : resolve(stdout)),
      );
      child.stdin!.on('error', () => undefined);
      child.stdin!.end(input ?? '');
    });
  }

  let certificates = 0;
  return {
    server,
    folder,
    caFile,
    kubeconfig,
    programs,
    startedInMs: performance.now() - startedAt,
    kubectlWith,
    kubectl: (...args) => kubectlWith({}, ...args),
    async apply(...objects) {
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await kubectlWith({ input }, 'apply', '--server-side', '--force-conflicts', '--field-manager=test', '-f', '-');
    },
    request,
    tokenOf,
    async serviceAccountToken(namespace, name, audiences) {
      const { status, body } = await request(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
        method: 'POST',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences } },
      });
      if (status !== 201) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.status.token as string;
    },
    async kubeconfigOf({ name, groups = [] }) {
      const { cert, key } = await authority.issue({ commonName: name, organizations: groups });
      return kubeconfigWith(`user-${++certificates}`, {
        'client-certificate-data': Buffer.from(cert).toString('base64'),
        'client-key-data': Buffer.from(key).toString('base64'),
      });
    },
    issue: authority.issue,
    auditLog: () => readAuditLog(file('audit.log')),
    etcd,
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
      await agent.destroy();
      await kept.close();
    },
  };
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
