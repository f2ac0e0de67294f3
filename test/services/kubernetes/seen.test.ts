import t from 'tap';
import { hasRun, seenEndpoints, seenJob, seenPod } from '../../../gateway/services/kubernetes/seen.ts';

const metadata = { name: 'web-1', namespace: 'knot-ann', uid: 'u', labels: { 'knot/service': 's' } };

t.test(
  'lists that the API server tells as null are empty: a slice has no addresses before its pods have any',
  async (t) => {
    // As it is told, word for word: neither list of a slice is left out when it is empty.
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, endpoints: null, ports: null };
    t.match(seenEndpoints(slice), { service: 's', ports: [], ready: [] });
    const made = { ...metadata.labels, 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' };
    const endpoints = [{ addresses: null, conditions: { ready: true }, targetRef: { kind: 'Pod', uid: 'p' } }];
    t.match(seenEndpoints({ ...slice, metadata: { ...metadata, labels: made }, endpoints }), { ready: [] });
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: null }, status: { conditions: null } };
    t.match(seenPod(pod), { isReady: false, containers: [] });
  },
);

t.test('a container has run whenever it was begun, also when nobody says at what time', async (t) => {
  const told: [state: object, wanted: boolean][] = [
    [{ state: { running: {} } }, true],
    [{ state: { running: { startedAt: null } } }, true],
    [{ state: { terminated: { exitCode: 0 } } }, true],
    [{ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1 } } }, true],
    [{ state: { waiting: { reason: 'ContainerCreating' } } }, false],
    [{}, false],
  ];
  for (const [state, wanted] of told) {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, status: { containerStatuses: [{ name: 'a', ...state }] } };
    t.strictSame(seenPod(pod).containers.map(hasRun), [wanted], JSON.stringify(state));
  }
});

t.test('a job that rests because its chart says so is waited for by nobody; one that Knot holds is', async (t) => {
  const job = (spec: object, annotations = {}) =>
    seenJob({ apiVersion: 'batch/v1', kind: 'Job', metadata: { ...metadata, annotations }, spec }).isIdle;
  t.equal(job({ suspend: true }), true);
  t.equal(job({ suspend: true }, { 'knot/before-stop': 'running' }), false);
  t.equal(job({}), false);
});
