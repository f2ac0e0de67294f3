import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { t } from 'tap';
import { eventually } from '../support/eventually.ts';
import { selfSignedPair } from '../support/net/self-signed.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

/** What everybody who tests against the cluster relies on: that it is a real one, and that nothing is left of it. */

const issuer = await startIssuer();
const cluster = await startControlPlane(t, {
  nodes: { 'node-0': {}, 'node-with-gpu': { 'nvidia.com/gpu': '2' } },
  users: [{ name: 'ada', groups: ['people'] }],
  authentication: {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: issuer.url, audiences: ['kubernetes'], certificateAuthority: issuer.certificate },
        claimMappings: { username: { claim: 'name', prefix: 'knot:' }, groups: { claim: 'groups', prefix: '' } },
      },
    ],
  },
});
if ('skip' in cluster) t.test('a control plane', { skip: cluster.skip }, async () => undefined);
else behaves(cluster);

function behaves(cluster: ControlPlane): void {
  const { request, kubectl } = cluster;

  async function newNamespace(name: string): Promise<string> {
    const { status } = await request('/api/v1/namespaces', { method: 'POST', body: { metadata: { name } } });
    if (status !== 201) throw new Error(`the namespace ${name} was refused: ${status}`);
    await eventually('its service account', async () => {
      const answer = await request(`/api/v1/namespaces/${name}/serviceaccounts/default`);
      return answer.status === 200;
    });
    return name;
  }

  async function podOf(name: string, { image = 'registry.test/web:1', ...spec }: Record<string, unknown> = {}) {
    const containers = [
      { name: 'main', image, ...(spec['resources'] === undefined ? {} : { resources: spec['resources'] }) },
    ];
    const { status, body } = await request('/api/v1/namespaces/default/pods', {
      method: 'POST',
      body: { metadata: { name }, spec: { containers } },
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
  const statusOf = async (pod: string) => (await request(`/api/v1/namespaces/default/pods/${pod}`)).body.status;

  t.test('a new namespace gets its service account, and a Deployment of three becomes available', async (t) => {
    const namespace = await newNamespace('deployments');
    await kubectl('create', 'deployment', 'web', '--image=registry.test/web:1', '--replicas=3', '-n', namespace);
    const deployment = await eventually('an available deployment', async () => {
      const { body } = await request(`/apis/apps/v1/namespaces/${namespace}/deployments/web`);
      return body.status?.availableReplicas === 3 && body;
    });
    t.equal(deployment.status.readyReplicas, 3);
    await kubectl('expose', 'deployment', 'web', '--port=80', '-n', namespace);
    const addresses = await eventually('endpoints', async () => {
      const { body } = await request(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`);
      const found = body.items.flatMap(({ endpoints }: { endpoints?: { addresses: string[] }[] }) => endpoints ?? []);
      return found.length === 3 && found;
    });
    t.match(addresses[0].addresses[0], /^10\.200\./);
    t.match(await kubectl('logs', 'deployment/web', '-n', namespace, '--tail=1'), 'ready\n');
  });

  t.test('pods do what their image says', async (t) => {
    await podOf('missing', { image: 'missing.test/web:1' });
    await podOf('crashing', { image: 'crash.test/web:1' });
    await podOf('failing', { image: 'fail.test/web:1' });
    await podOf('hanging', { image: 'hang.test/web:1' });
    const waiting = (pod: string) =>
      eventually(`a reason of ${pod}`, async () => {
        const { containerStatuses } = await statusOf(pod);
        return containerStatuses?.[0].state.waiting?.reason as string | undefined;
      });
    t.equal(await waiting('missing'), 'ImagePullBackOff');
    t.equal(await waiting('crashing'), 'CrashLoopBackOff');
    t.ok(await eventually('a failed pod', async () => (await statusOf('failing')).phase === 'Failed'));
    t.ok(
      await eventually('a place for the hanging pod', async () =>
        (await statusOf('hanging')).conditions?.some(({ type }: { type: string }) => type === 'PodScheduled'),
      ),
    );
    t.equal((await statusOf('hanging')).phase, 'Pending');
    const { body: events } = await request('/api/v1/namespaces/default/events?fieldSelector=type%3DWarning');
    const told = (events.items as { reason: string; involvedObject: { name: string } }[]).map(
      ({ reason, involvedObject }) => `${involvedObject.name} ${reason}`,
    );
    t.ok(told.includes('missing Failed') && told.includes('crashing BackOff'), 'as events too');
  });

  t.test('a Job completes', async (t) => {
    await kubectl('create', 'job', 'once', '--image=registry.test/job:1');
    const job = await eventually('a complete job', async () => {
      const { body } = await request('/apis/batch/v1/namespaces/default/jobs/once');
      return body.status?.succeeded === 1 && body;
    });
    t.equal(job.status.succeeded, 1);
  });

  t.test('an accelerator is counted: the third that asks for one waits', async (t) => {
    const resources = { limits: { 'nvidia.com/gpu': '2' } };
    await podOf('first-with-gpu', { resources });
    await eventually('a running pod', async () => (await statusOf('first-with-gpu')).phase === 'Running');
    await podOf('second-with-gpu', { resources });
    const why = await eventually('a reason', async () => {
      const { conditions } = await statusOf('second-with-gpu');
      return conditions?.find(({ reason }: { reason: string }) => reason === 'Unschedulable')?.message as
        string | undefined;
    });
    t.match(why, /Insufficient nvidia\.com\/gpu/);
  });

  t.test('a claim is bound to its volume', async (t) => {
    await cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'files' },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteMany'],
          hostPath: { path: '/files' },
          storageClassName: '',
          claimRef: { namespace: 'default', name: 'files' },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'files', namespace: 'default' },
        spec: {
          accessModes: ['ReadWriteMany'],
          resources: { requests: { storage: '1Gi' } },
          storageClassName: '',
          volumeName: 'files',
        },
      },
    );
    const claim = await eventually('a bound claim', async () => {
      const { body } = await request('/api/v1/namespaces/default/persistentvolumeclaims/files');
      return body.status.phase === 'Bound' && body;
    });
    t.equal(claim.spec.volumeName, 'files');
  });

  t.test('a quota refuses what is too much', async (t) => {
    const namespace = await newNamespace('small');
    const quotas = `/api/v1/namespaces/${namespace}/resourcequotas`;
    await request(quotas, {
      method: 'POST',
      body: { metadata: { name: 'plan' }, spec: { hard: { configmaps: '2' } } },
    });
    // Every namespace has one already: kube-root-ca.crt.
    await eventually(
      'a counted quota',
      async () => (await request(`${quotas}/plan`)).body.status?.used?.configmaps === '1',
    );
    const add = (name: string) =>
      request(`/api/v1/namespaces/${namespace}/configmaps`, { method: 'POST', body: { metadata: { name } } });
    t.equal((await add('second')).status, 201);
    const refused = await add('third');
    t.equal(refused.status, 403);
    t.match(refused.body.message, /exceeded quota: plan/);
  });

  t.test('who asks is known by token, certificate, service account, or a token of an issuer', async (t) => {
    const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const who = async (token: string) => {
      const { body } = await request(whoami, { method: 'POST', body: {}, token });
      return body.status?.userInfo;
    };
    t.match(await who(cluster.tokenOf('ada')), { username: 'ada', groups: ['people', 'system:authenticated'] });
    const token = await cluster.serviceAccountToken('default', 'default');
    t.match(await who(token), { username: 'system:serviceaccount:default:default' });
    const kubeconfig = await cluster.kubeconfigOf({ name: 'grace', groups: ['people'] });
    t.match(await cluster.kubectlWith({ kubeconfig }, 'auth', 'whoami', '-o', 'json'), '"username": "grace"');
    t.match(await who(await issuer.tokenFor('joan', ['knot:user:joan'])), {
      username: 'knot:joan',
      groups: ['knot:user:joan', 'system:authenticated'],
    });
    t.equal(await who('not-a-token'), undefined);
  });

  t.test('two appliers of one field conflict, until one forces it', async (t) => {
    const apply = (manager: string, value: string, force = false) =>
      request(`/api/v1/namespaces/default/configmaps/owned?fieldManager=${manager}&force=${force}`, {
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned' }, data: { value } },
      });
    t.equal((await apply('knot', 'ours')).status, 201);
    const conflict = await apply('somebody', 'theirs');
    t.equal(conflict.status, 409);
    t.match(conflict.body.message, /conflict with "knot": \.data\.value/);
    t.equal((await apply('somebody', 'theirs', true)).status, 200);
  });

  t.test('the audit log tells who did what, and who was refused', async (t) => {
    const { status } = await request('/api/v1/namespaces/default/secrets/hidden', { token: cluster.tokenOf('ada') });
    t.equal(status, 403);
    const record = await eventually('a record', async () =>
      (await cluster.auditLog()).find(({ objectRef }) => objectRef?.name === 'hidden'),
    );
    t.match(record, {
      verb: 'get',
      user: { username: 'ada' },
      objectRef: { resource: 'secrets', namespace: 'default' },
    });
    t.equal(record.responseStatus?.code, 403);
    const own = (await cluster.auditLog()).filter(({ user }) => user.username === 'system:kube-controller-manager');
    t.same(own, [], "not what the cluster's own programs do");
  });

  t.test('an API server that was killed comes back with its data; one that stands still answers later', async (t) => {
    await request('/api/v1/namespaces/default/configmaps', { method: 'POST', body: { metadata: { name: 'kept' } } });
    await cluster.apiserver.stop();
    await t.rejects(request('/readyz'));
    await cluster.apiserver.start();
    t.equal((await request('/api/v1/namespaces/default/configmaps/kept')).status, 200);

    await cluster.apiserver.freeze();
    let isAnswered = false;
    const answer = request('/api/v1/namespaces/default/configmaps/kept').finally(() => (isAnswered = true));
    await new Promise((resolve) => setImmediate(resolve));
    t.notOk(isAnswered);
    await cluster.apiserver.thaw();
    t.equal((await answer).status, 200);
  });

  t.test('nothing is left of it: no process, no folder', async (t) => {
    t.ok(processesOf(cluster.folder).length >= 6, 'there is something to be seen');
    await cluster.stop();
    t.same(processesOf(cluster.folder), []);
    t.notOk(existsSync(cluster.folder));
  });
}

/** Command lines with the folder in them. */
function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (line.includes(folder)) found.push(line);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** As Knot is one: ES256, its keys found by discovery. Must answer before the API server starts, or is not asked for some seconds. */
async function startIssuer() {
  const { key, cert } = selfSignedPair();
  const pair = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  const server = createServer({ key, cert }, ({ url: path }, response) => {
    response.setHeader('content-type', 'application/json');
    const document = { issuer: url, jwks_uri: `${url}/keys`, id_token_signing_alg_values_supported: ['ES256'] };
    response.end(JSON.stringify(path === '/keys' ? { keys: [jwk] } : document));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url,
    certificate: cert,
    tokenFor: (name: string, groups: string[]) =>
      new SignJWT({ name, groups })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(url)
        .setSubject(name)
        .setAudience('kubernetes')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(pair.privateKey),
  };
}
