import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Agent, request as send } from 'undici';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import type { callerCertificate } from '../../support/cluster-callers.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/net/free-port.ts';
import { median, quantile } from '../generators.ts';
import { ownMicroseconds } from '../process-facts.ts';
import type { ClusterSetting, Note } from './cluster.ts';
import { inParallel } from './in-parallel.ts';
import { podOf } from './samples.ts';

const namespace = 'knot-ann';

/** What the API server waits for the gateway when a pod is made, and what one pays for it who makes a pod. */
export async function measureAdmission(
  { request, kubeconfig }: ControlPlane,
  callers: Awaited<ReturnType<typeof callerCertificate>>,
  { isQuick }: ClusterSetting,
  note: Note,
): Promise<void> {
  const labels = { 'app.kubernetes.io/managed-by': 'knot', 'knot/owner': 'ann', 'knot/owner-kind': 'user' };
  for (const metadata of [{ name: 'knot' }, { name: namespace, labels }, { name: 'elsewhere' }])
    await request('/api/v1/namespaces', { method: 'POST', body: { metadata } });
  for (const name of [namespace, 'elsewhere'])
    await eventually('a service account', async () => {
      const { status } = await request(`/api/v1/namespaces/${name}/serviceaccounts/default`);
      return status === 200;
    });
  const port = await freePort();
  const keeper = fork(join(import.meta.dirname, 'admission-keeper.ts'), [kubeconfig, String(port), callers.caFile]);
  try {
    await once(keeper, 'message');
    const listener = { url: `https://127.0.0.1:${port}/pods`, pair: callers.pair, pid: keeper.pid! };
    await measureQuestions(listener, isQuick ? 500 : 5000, note);
    await measurePods(request, isQuick ? 50 : 500, note);
  } finally {
    keeper.kill('SIGKILL');
  }
}

/** As the API server asks: over connections that stay, with its certificate, a few at once. */
async function measureQuestions(
  { url, pair, pid }: { url: string; pair: { cert: string; key: string }; pid: number },
  questions: number,
  note: Note,
): Promise<void> {
  const dispatcher = new Agent({ connections: 4, connect: { ...pair, rejectUnauthorized: false } });
  const times: number[] = [];
  const ask = async (n: number): Promise<void> => {
    const body = JSON.stringify(questionOf(n));
    const startedAt = performance.now();
    const answer = await send(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const { response } = (await answer.body.json()) as { response?: { allowed: boolean; patch?: string } };
    times.push(performance.now() - startedAt);
    if (!response?.allowed || response.patch === undefined) throw new Error('a pod got no files');
  };
  // Until the code is compiled.
  await inParallel(questions / 2, ask, 4);
  times.length = 0;
  const before = ownMicroseconds(pid);
  await inParallel(questions, ask, 4);
  const cpu = (ownMicroseconds(pid) - before) / questions;
  await dispatcher.destroy();
  note({ what: 'question of admission, CPU of the gateway', value: cpu, unit: 'µs' });
  const value = quantile(times, 0.99);
  note({ what: 'question of admission, median', value: median(times), unit: 'ms' });
  note({ what: 'question of admission, p99', value, unit: 'ms', bar: '≤ 10', isMet: value <= 10 });
}

const questionOf = (n: number) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: randomUUID(),
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    namespace,
    operation: 'CREATE',
    userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller', groups: ['system:authenticated'] },
    object: { apiVersion: 'v1', kind: 'Pod', ...podOf(`pod-${n}`) },
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  },
});

/** Pods that are tried one after the other (dry run), in turns in a namespace of Knot and in one that nobody is asked about. */
async function measurePods(request: ControlPlane['request'], pods: number, note: Note): Promise<void> {
  const make = async (where: string, n: number) => {
    const startedAt = performance.now();
    const answer = await request(`/api/v1/namespaces/${where}/pods?dryRun=All`, {
      method: 'POST',
      body: podOf(`pod-${n}`),
    });
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    const volumes = answer.body.spec.volumes as { persistentVolumeClaim?: object }[];
    return {
      milliseconds: performance.now() - startedAt,
      hasFiles: volumes.some(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined),
    };
  };
  await eventually('a pod with files', async () => (await make(namespace, 0)).hasFiles);
  const times: Record<string, number[]> = { [namespace]: [], elsewhere: [] };
  for (let n = 0; n < pods; n++)
    for (const where of [namespace, 'elsewhere']) times[where]!.push((await make(where, n)).milliseconds);
  const value = median(times[namespace]!) - median(times['elsewhere']!);
  note({ what: 'a pod without admission and rules, median', value: median(times['elsewhere']!), unit: 'ms' });
  note({ what: 'what both add', value, unit: 'ms' });
}
