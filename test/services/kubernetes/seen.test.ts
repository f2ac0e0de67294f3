import t from 'tap';
import { seenEndpoints, seenPod } from '../../../gateway/services/kubernetes/seen.ts';

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
