import { existsSync } from 'node:fs';
import { request } from 'undici';
import { t } from 'tap';
import { eventually } from '../../support/eventually.ts';
import { startControlPlane } from '../control-plane.ts';
import { makeNamespace } from '../node/pods.ts';
import { type Argo, startArgo } from './start.ts';
import { hello } from './workflows.ts';

/** What everybody who tests against Argo relies on: that it is the real one, that workflows run to their end, and that nothing is left of it. */

const cluster = await startControlPlane(t);
const argo = 'skip' in cluster ? cluster : await startArgo(t, cluster);
if ('skip' in cluster || 'skip' in argo)
  t.test('Argo Workflows', { skip: 'skip' in argo ? argo.skip : '' }, async () => undefined);
else {
  await behaves(argo);
}

async function behaves(argo: Argo): Promise<void> {
  const { apply, serviceAccountToken } = cluster as Exclude<typeof cluster, { skip: string }>;
  for (const namespace of ['ann-has', 'bob-has']) await makeNamespace(cluster as never, namespace);
  const account = (kind: string, namespace: string, more: object) => ({
    apiVersion: kind === 'ServiceAccount' ? 'v1' : 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { namespace, name: 'ann' },
    ...more,
  });
  await apply(
    account('ServiceAccount', 'ann-has', {}),
    account('RoleBinding', 'ann-has', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'ServiceAccount', name: 'ann', namespace: 'ann-has' }],
    }),
  );
  const token = await serviceAccountToken('ann-has', 'ann');
  async function ask(path: string, body?: object, as = token) {
    const answer = await request(`${argo.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: JSON.parse((await answer.body.text()) || 'null') };
  }
  /** How it ended. */
  const end = (namespace: string, name: string) =>
    eventually(`the end of ${name}`, async () => {
      const { body } = await ask(`/api/v1/workflows/${namespace}/${name}`);
      return ['Succeeded', 'Failed', 'Error'].find((phase) => phase === body.status?.phase);
    });

  t.test('it is the version it was built of, and asks who one is', async (t) => {
    t.match(await ask('/api/v1/version'), { status: 200, body: { version: /^v4\./, gitTreeState: 'clean' } });
    t.equal((await ask('/api/v1/workflows/ann-has', undefined, 'nobody')).status, 401);
  });

  t.test('a workflow runs to its end, and one whose step fails ends so', async (t) => {
    for (const workflow of [hello('good'), hello('bad', { image: 'fail.test/hello:1' })])
      t.equal((await ask('/api/v1/workflows/ann-has', { workflow })).status, 200);
    t.equal(await end('ann-has', 'good'), 'Succeeded');
    t.equal(await end('ann-has', 'bad'), 'Failed');
    const { body } = await ask(`/api/v1/workflows/ann-has/good`);
    const [podName] = Object.keys(body.status.nodes);
    const log = await request(
      `${argo.url}/api/v1/workflows/ann-has/good/log?logOptions.container=main&podName=${podName}`,
      { headers: { authorization: `Bearer ${token}` } },
    );
    t.match(await log.body.text(), 'listening on :8080');
  });

  t.test('where the account has no rights Argo refuses', async (t) => {
    t.equal((await ask('/api/v1/workflows/bob-has')).status, 403);
    t.equal((await ask('/api/v1/workflows/')).status, 403);
    t.equal((await ask('/api/v1/workflows/bob-has', { workflow: hello('mine') })).status, 403);
  });

  t.test('it is reached from this machine alone, by the one way; stopped, nothing of it is left', async (t) => {
    const pid = argo.server.pid();
    t.not(pid, 0);
    await argo.stop();
    await t.rejects(request(argo.url), { code: 'ECONNREFUSED' });
    t.notOk(existsSync(argo.folder));
  });
}
