import t from 'tap';
import { causeOfPods } from '../../../gateway/services/kubernetes/pod-causes.ts';
import { seenPod, seenProgram } from '../../../gateway/services/kubernetes/seen.ts';
import { observedOf } from '../../../gateway/services/kubernetes/sight.ts';

const at = Date.parse('2026-01-01T00:00:00Z');

/** What is said of a pod with such a status, so many seconds after it was made. */
function causeAfter(
  seconds: number,
  status: object,
  { isScheduled = true, spec = isScheduled ? { nodeName: 'a' } : {} }: { isScheduled?: boolean; spec?: object } = {},
) {
  const pod = seenPod({
    ...{ apiVersion: 'v1', kind: 'Pod', spec, status },
    metadata: { name: 'web-1', namespace: 'knot-ann', creationTimestamp: new Date(at).toISOString() },
  });
  const size = { name: 's', title: 'Small', cpu: 1, memory: 1024 ** 3 };
  const facts = { startSeconds: 60, size, lines: ['Error: ENOSPC'], now: at + seconds * 1000 };
  return causeOfPods({ programs: [], pods: [pod], jobs: [] }, facts);
}
const container = (state: object, more: object = {}) => ({
  containerStatuses: [{ name: 'a', image: 'r.test/a:1', state, ...more }],
});
const creating = container({ waiting: { reason: 'ContainerCreating' } });
const running = container({ running: { startedAt: new Date(at).toISOString() } });
const waiting = (reason: string, message = '') => container({ waiting: { reason, message } });
const ended = (exitCode: number, reason = 'Error') => ({
  terminated: { exitCode, reason, finishedAt: new Date(at).toISOString() },
});

t.test('a pod of which nothing is heard is told after some seconds, and given up in the end', async (t) => {
  t.equal(causeAfter(2, creating), undefined);
  t.match(causeAfter(9, creating), { isFinal: false, cause: { code: 'not-begun-yet' } });
  t.match(causeAfter(9, {}), { isFinal: false, cause: { code: 'not-begun-yet' } });
  t.match(causeAfter(1201, creating), { isFinal: true });
});

/** As the controller of nodes leaves it when nothing is heard of a node any more (tried on Kubernetes 1.36): the kubelet said otherwise. */
const cutOff = {
  ...running,
  phase: 'Running',
  conditions: [
    { type: 'Ready', status: 'False' },
    { type: 'ContainersReady', status: 'True' },
  ],
};

t.test('of a machine that is lost it is said that it does not answer, and nothing is given up', async (t) => {
  t.match(causeAfter(9000, { ...cutOff, ...container({ running: {} }, { ready: true }) }), {
    isFinal: false,
    cause: { code: 'node-lost', what: /machine does not answer/, remedy: /five minutes/ },
  });
  const gate = { spec: { nodeName: 'a', readinessGates: [{ conditionType: 'x' }] } };
  t.not(causeAfter(20, cutOff, gate)?.cause.code, 'node-lost', 'somebody else may say that it is not ready');
});

t.test('a pod that should have ended long ago, on a machine that is lost, holds nothing up', async (t) => {
  const metadata = { name: 'web-1', namespace: 'knot-ann', deletionTimestamp: new Date(at).toISOString() };
  const pod = seenPod({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: 'a' }, status: cutOff });
  const program = (wanted: number) =>
    seenProgram({
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'web', namespace: 'knot-ann' } },
      ...{ spec: { replicas: wanted }, status: {} },
    });
  const phaseAfter = (seconds: number, wanted: number) =>
    observedOf(
      { programs: [program(wanted)], pods: [pod], jobs: [], services: [], endpoints: [] },
      { startSeconds: 60, size: undefined, lines: [], now: at + seconds * 1000 },
    );
  t.match(phaseAfter(30, 0), { phase: 'ending' });
  t.match(phaseAfter(90, 0), { phase: 'absent' }, 'it is stopped, and can be removed');
  t.match(phaseAfter(90, 1), { phase: 'starting', cause: { code: 'node-lost' } });
});

t.test('what a pod says is told in plain words, and whether waiting helps', async (t) => {
  const told: [status: object, isFinal: boolean, code: string, what: RegExp][] = [
    [
      waiting('ImagePullBackOff', 'Back-off pulling image "r.test/a:1": not found'),
      true,
      'no-image',
      /no image r\.test\/a:1/,
    ],
    [waiting('ErrImagePull', 'unauthorized: authentication required'), true, 'image-refused', /refuses it/],
    // As containerd says of a private image of somebody else, and of one that is not there at a registry that does not tell.
    [
      waiting(
        'ErrImagePull',
        'failed to resolve reference "r.test/a:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      ),
      true,
      'image-refused',
      /no image r\.test\/a:1, or its registry does not let you have it/,
    ],
    [waiting('ErrImagePull', 'dial tcp: i/o timeout'), false, 'image-late', /cannot be fetched now/],
    [waiting('InvalidImageName'), true, 'no-image', /no image/],
    [waiting('CreateContainerConfigError', 'secret "db" not found'), false, 'not-there', /Secret db/],
    [
      waiting('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root'),
      false,
      'pod-security',
      /root/,
    ],
    [
      waiting('RunContainerError', 'exec: "x": executable file not found in $PATH'),
      false,
      'no-program',
      /not in its image/,
    ],
    [
      container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 1, lastState: ended(1) }),
      false,
      'disk-full',
      /no room/,
    ],
    [
      container({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3, lastState: ended(1) }),
      true,
      'disk-full',
      /no room/,
    ],
    [
      container(ended(137, 'OOMKilled'), { restartCount: 0 }),
      false,
      'no-memory',
      /more memory than its size has \(Small: 1 GiB\)/,
    ],
    [{ reason: 'Evicted', phase: 'Failed' }, false, 'evicted', /ran out/],
  ];
  for (const [status, isFinal, code, what] of told)
    t.match(causeAfter(1, status), { isFinal, cause: { code, what } }, code);
  t.equal(causeAfter(59, running), undefined, 'it has its time');
  t.match(causeAfter(61, running), { isFinal: true }, 'and no more');
});

t.test('what it waits for is named', async (t) => {
  const unschedulable = (message: string) => ({
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  });
  const says = (message: string) => causeAfter(1, unschedulable(message), { isScheduled: false });
  t.match(says('0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.'), {
    isFinal: false,
    cause: { what: /no machine has enough memory and processors free/ },
  });
  t.match(says('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'), {
    cause: { code: 'waits-for-volume' },
  });
  t.match(says("0/1 nodes are available: 1 node(s) didn't match node selector."), { cause: { code: 'waits' } });
});
