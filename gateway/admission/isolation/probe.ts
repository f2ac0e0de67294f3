import { type Impersonated, type Kube, reasonOf } from '../../kube/index.ts';

/** A throw-away person or team. */
export type Subject = { name: string; namespace: string };

/** Who and what is tried on. `ann` and `joanna` end alike; ann was in the team once, joanna is. */
export type Ground = {
  ann: Subject;
  joanna: Subject;
  team: Subject;
  gatewayNamespace: string;
  servicesDomain: string;
  podSecurity: 'privileged' | 'baseline' | 'restricted';
  ephemeralContainers: boolean;
};

/**
 * As whom something is tried. A person's Helm and terminals act as `knot-user` of their namespace; a person with kubectl is known by
 * groups of Knot; a pod is `default` or another account of the namespace; the operator is whoever runs the command.
 */
export type Actor =
  'ann' | 'joanna' | 'ann-kubectl' | 'joanna-kubectl' | 'ann-pod' | 'ann-notebook' | 'ann-workflow' | 'operator';

/** One request to the API server. What would write is a dry run: it is judged by everything, and nothing comes of it. */
export type Act = { method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; body?: unknown };

/** A right, for what is no plain request (terminals, forwarding, acting as somebody). */
export type Right = {
  verb: string;
  group?: string;
  resource: string;
  subresource?: string;
  name?: string;
  namespace?: string;
};

export type Probe = {
  /** Stays over releases: `secret-of-another`. */
  id: string;
  /** What is tried: `read a Secret of somebody else`. */
  title: string;
  as: Actor;
  expect: 'refused' | 'works';
} & ({ act: Act } | { may: Right }) & {
    /** Of what works: what its answer must be. */
    is?: (answer: Answer) => boolean;
    /** Of what a webhook refuses, in place of 403. */
    status?: number;
  };

type Answer = Record<string, unknown>;

export type Result = Pick<Probe, 'id' | 'title' | 'as' | 'expect'> & {
  /** `untried`: whoever runs the command may not act as somebody else here. */
  outcome: 'passed' | 'failed' | 'untried';
  /** What the API server said, or did. */
  detail: string;
};

export function identityOf(actor: Actor, { ann, joanna, team }: Ground): Impersonated | undefined {
  const account = ({ namespace }: Subject, name: string) => ({ user: `system:serviceaccount:${namespace}:${name}` });
  const kubectl = ({ name }: Subject, ...groups: string[]) => ({
    user: `knot:${name}`,
    groups: [...groups.map((group) => `knot:${group}`), 'system:authenticated'],
  });
  switch (actor) {
    case 'ann':
      return account(ann, 'knot-user');
    case 'joanna':
      return account(joanna, 'knot-user');
    case 'ann-kubectl':
      return kubectl(ann, `user:${ann.name}`);
    case 'joanna-kubectl':
      return kubectl(joanna, `user:${joanna.name}`, `team:${team.name}`);
    case 'ann-pod':
      return account(ann, 'default');
    case 'ann-notebook':
      return account(ann, 'knot-notebook');
    case 'ann-workflow':
      return account(ann, 'knot-workflow');
    case 'operator':
      return undefined;
  }
}

/** Tries one thing. A probe never passes because it could not be tried, or because what it asks for makes no sense. */
export async function attempt(probe: Probe, kube: Kube, ground: Ground): Promise<Result> {
  const { id, title, as, expect } = probe;
  const identity = identityOf(as, ground);
  const found = await answerTo(probe, identity === undefined ? kube : kube.as(identity));
  const result = (outcome: Result['outcome'], detail: string): Result => ({ id, title, as, expect, outcome, detail });
  if (found.status === 403 && found.message.includes('cannot impersonate'))
    return result('untried', 'whoever runs this may not act as somebody else');
  const detail = `${found.status} ${found.message}`.trim();
  if (expect === 'refused') return result(found.status === (probe.status ?? 403) ? 'passed' : 'failed', detail);
  if (found.status >= 300) return result('failed', detail);
  return (probe.is?.(found.answer) ?? true)
    ? result('passed', detail)
    : result('failed', 'the answer is not what it should be');
}

async function answerTo(probe: Probe, kube: Kube): Promise<{ status: number; message: string; answer: Answer }> {
  try {
    if ('may' in probe) return await rightOf(probe.may, kube);
    const { method = 'GET', path, body } = probe.act;
    const isPatch = method === 'PATCH';
    const answer = await kube.ask<Answer>({
      method,
      path,
      ...(method !== 'GET' && { query: { dryRun: 'All' } }),
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': isPatch ? 'application/merge-patch+json' : 'application/json' },
      }),
    });
    return { status: 200, message: '', answer };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return { status: reason.statusCode, message: reason.message ?? '', answer: {} };
  }
}

/** As if it were asked for: the API server decides a right in the same way (SelfSubjectAccessReview). */
async function rightOf({ verb, group = '', ...rest }: Right, kube: Kube): ReturnType<typeof answerTo> {
  const answer = await kube.ask<Answer>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
      spec: { resourceAttributes: { verb, group, ...rest } },
    }),
  });
  const { allowed, reason } = (answer['status'] ?? {}) as { allowed?: boolean; reason?: string };
  return { status: allowed ? 200 : 403, message: allowed ? (reason ?? '') : 'no such right', answer };
}

export const core = ({ namespace }: Subject): string => `/api/v1/namespaces/${namespace}`;
export const inGroup = (group: string, { namespace }: Subject, version = 'v1'): string =>
  `/apis/${group}/${version}/namespaces/${namespace}`;
export const rbac = 'rbac.authorization.k8s.io';
