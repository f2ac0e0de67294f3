import type { KubeObject } from '../../kube/index.ts';
import { managedBy, ownersNamespaces } from '../rules/rule.ts';

/** How the API server reaches the listener: by the Service of the chart, or where it is. */
export type Address = { service: { namespace: string; name: string } } | { url: string };

export const registrationName = 'knot-admission';
/** The one path of the listener. */
export const podsPath = '/pods';

/**
 * What tells the API server to ask us about new pods, in the namespaces of people and teams only: neither the system's nor the
 * gateway's own pods wait for the gateway.
 *
 * `failurePolicy: Fail`: while no gateway answers, no new pod starts in those namespaces. A pod without its files would be worse: a
 * program that writes to `/files/private` would write into a folder that ends with the pod. What runs goes on (a container that is
 * started again is no new pod), and controllers try again by themselves until the gateway is back.
 * @param bundle PEM of the authorities that the listener's certificate may be of
 */
export function registrationOf(address: Address, bundle: string, gatewayNamespace: string): KubeObject {
  const caBundle = Buffer.from(bundle).toString('base64');
  const clientConfig =
    'url' in address
      ? { url: new URL(podsPath, address.url).href, caBundle }
      : { service: { ...address.service, path: podsPath, port: 443 }, caBundle };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: registrationName, labels: { [managedBy]: 'knot', 'knot/part': 'admission' } },
    webhooks: [
      {
        name: 'pods.admission.knot',
        admissionReviewVersions: ['v1'],
        clientConfig,
        failurePolicy: 'Fail',
        // Nodes tell of pods that they run by themselves; those cannot be changed any more.
        matchConditions: [
          {
            name: 'not-of-a-node',
            expression: "!(has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)",
          },
        ],
        matchPolicy: 'Equivalent',
        namespaceSelector: ownersNamespaces(gatewayNamespace),
        // Containers that another webhook adds after us get their files in a second round.
        reinvocationPolicy: 'IfNeeded',
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
        ],
        sideEffects: 'None',
        timeoutSeconds: 5,
      },
    ],
  };
}
