import t from 'tap';
import { answerReview, type Grant, type PatchStep, readReview } from '../../gateway/admission/index.ts';

const grant: Grant = {
  namespace: 'knot-ann',
  owner: { name: 'ann' },
  claims: [{ claim: 'knot-private', path: '/files/private', area: 'own' }],
};

const review = (request: Record<string, unknown> = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'CREATE',
    namespace: 'knot-ann',
    object: { metadata: { generateName: 'web-' }, spec: { containers: [{ name: 'main' }] } },
    dryRun: false,
    ...request,
  },
});

const answerTo = (request: Record<string, unknown> = {}, to: Grant | undefined = grant) =>
  answerReview(readReview(review(request))!, to).response;

t.test('a new pod is let in with a patch, by the uid of the question', async (t) => {
  const response = answerTo();
  t.match(response, { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed: true, patchType: 'JSONPatch' });
  const patch = JSON.parse(Buffer.from(response.patch!, 'base64').toString()) as PatchStep[];
  t.ok(patch.some(({ path }) => path === '/spec/containers/0/volumeMounts'));
});

t.test('a dry run is answered alike', async (t) => {
  t.strictSame(answerTo({ dryRun: true }), answerTo());
});

t.test('a pod that has everything is let in without a patch', async (t) => {
  const object = { metadata: { annotations: { 'knot/files': 'none' } }, spec: { containers: [] } };
  t.strictSame(answerTo({ object }), { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed: true });
});

t.test('a refusal has words and no patch', async (t) => {
  const object = { metadata: { annotations: { 'knot/files': 'some' } }, spec: { containers: [] } };
  const { patch, ...rest } = answerTo({ object });
  t.equal(patch, undefined);
  t.match(rest, { allowed: false, status: { code: 422, message: /none or private/ } });
});

t.test('nobody gets files in a namespace that belongs to nobody', async (t) => {
  const response = answerReview(readReview(review())!, undefined).response;
  t.match(response, { allowed: false, status: { code: 403, message: /belongs to no person/ } });
});

t.test('it answers about new pods only', async (t) => {
  for (const request of [
    { operation: 'UPDATE' },
    { operation: 'DELETE' },
    { resource: { group: 'apps', version: 'v1', resource: 'deployments' } },
    { resource: { group: 'apps', version: 'v1', resource: 'pods' } },
    { subResource: 'ephemeralcontainers' },
  ])
    t.match(answerTo(request), { allowed: false, status: { code: 400 } }, JSON.stringify(request));
  t.equal(answerTo({ subResource: '' }).allowed, true);
});

t.test('only a question of AdmissionReview v1 is read', async (t) => {
  for (const other of [
    undefined,
    null,
    [],
    'review',
    {},
    { ...review(), apiVersion: 'admission.k8s.io/v1beta1' },
    { ...review(), kind: 'Review' },
    { ...review(), request: undefined },
    { ...review(), request: null },
    review({ uid: 7 }),
    review({ namespace: undefined }),
    review({ resource: null }),
  ])
    t.equal(readReview(other), undefined, JSON.stringify(other));
});
