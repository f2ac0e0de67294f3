import type { Grant } from './grant.ts';
import { mutatePod } from './mutate.ts';

/** What the API server asks (admission.k8s.io/v1, AdmissionReview), as far as it matters here. */
export type ReviewRequest = {
  uid: string;
  resource: { group: string; version: string; resource: string };
  subResource?: string;
  operation: string;
  namespace: string;
  object: unknown;
};

export type ReviewAnswer = {
  apiVersion: 'admission.k8s.io/v1';
  kind: 'AdmissionReview';
  response: {
    uid: string;
    allowed: boolean;
    /** The JSON Patch in base64. */
    patch?: string;
    patchType?: 'JSONPatch';
    status?: { code: number; message: string };
  };
};

/** The question of an AdmissionReview v1; undefined where it is none (another version, an answer, no text at all). */
export function readReview(review: unknown): ReviewRequest | undefined {
  const { apiVersion, kind, request } = (review ?? {}) as { apiVersion?: unknown; kind?: unknown; request?: unknown };
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') return undefined;
  const asked = (request ?? {}) as Partial<ReviewRequest>;
  const texts = [asked.uid, asked.operation, asked.namespace, asked.resource?.resource, asked.resource?.group];
  return texts.every((text) => typeof text === 'string') ? (asked as ReviewRequest) : undefined;
}

/** Only pods that are about to be made are changed; controllers make theirs as pods too. */
export const isNewPod = ({ resource, subResource, operation }: ReviewRequest): boolean =>
  resource.group === '' && resource.resource === 'pods' && !subResource && operation === 'CREATE';

/**
 * The answer to a question about a new pod, the same for a dry run: nothing is done but to answer. `grant` is undefined where the
 * namespace belongs to nobody that Knot knows: then there is nothing to give, and whoever made the pod learns why.
 */
export function answerReview(request: ReviewRequest, grant: Grant | undefined): ReviewAnswer {
  const { uid } = request;
  if (!isNewPod(request)) return refusal(uid, 400, 'Knot is asked about new pods, and about nothing else.');
  if (grant === undefined)
    return refusal(
      uid,
      403,
      'The namespace belongs to no person and no team of Knot, or to one that is disabled: no pod starts in it.',
    );
  const mutation = mutatePod(request.object, grant);
  if ('refused' in mutation) return refusal(uid, 422, mutation.refused);
  const { patch } = mutation;
  return answer({
    uid,
    allowed: true,
    ...(patch.length > 0 && { patch: Buffer.from(JSON.stringify(patch)).toString('base64'), patchType: 'JSONPatch' }),
  });
}

const refusal = (uid: string, code: number, message: string): ReviewAnswer =>
  answer({ uid, allowed: false, status: { code, message } });

const answer = (response: ReviewAnswer['response']): ReviewAnswer => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response,
});
