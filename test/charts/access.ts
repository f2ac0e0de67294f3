import type { Test } from 'tap';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';

/** May somebody …? The resource as kubectl writes it, `deployments.apps/scale`; no namespace: in all of them. */
export type Question = [verb: string, resource: string, namespace: string, name?: string];

/** Asks the API server what a service account may, as `kubectl auth can-i` does, and shows every answer that is another one. */
export async function answers(
  t: Test,
  cluster: ControlPlane,
  user: string,
  { yes, no }: { yes: Question[]; no: Question[] },
): Promise<void> {
  const [, namespace] = /^system:serviceaccount:([^:]+):/.exec(user)!;
  const ask = async ([verb, what, inNamespace, name]: Question) => {
    const [whole = '', subresource] = what.split('/');
    const [resource, ...group] = whole.split('.');
    const { status, body } = await cluster.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      method: 'POST',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
          resourceAttributes: { verb, group: group.join('.'), resource, subresource, namespace: inNamespace, name },
        },
      },
    });
    return status === 201 ? (body.status.allowed as boolean) : JSON.stringify(body);
  };
  // The authorizer hears of a new binding a moment later.
  if (yes[0]) await eventually(`a right of ${user}`, async () => (await ask(yes[0]!)) === true);
  for (const [expected, questions] of [
    [true, yes],
    [false, no],
  ] as const) {
    const wrong = [];
    for (const question of questions) if ((await ask(question)) !== expected) wrong.push(question.join(' '));
    t.same(wrong, [], `${user} ${expected ? 'may' : 'may not'}: ${questions.length} questions`);
  }
}

/** A definition that takes anything, in place of one that the cluster does not have. */
export function anyCustomResource(name: string): object {
  const [plural = '', ...group] = name.split('.');
  const kind = { certificates: 'Certificate', servicemonitors: 'ServiceMonitor' }[plural]!;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group: group.join('.'),
      scope: 'Namespaced',
      names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
}
