import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import t from 'tap';
import { Agent, request } from 'undici';
import { type AdmissionSettings, createAdmission, type Grant, readCertificate } from '../../gateway/admission/index.ts';
import { kinds, openKube } from '../../gateway/kube/index.ts';
import { createManualClock, silentLog, systemClock } from '../../gateway/lib/index.ts';
import { openAdmission } from '../../gateway/app/cluster-admission.ts';
import { asGateway } from '../charts/as-gateway.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { callerCertificate } from '../support/cluster-callers.ts';
import { configWith } from '../support/house/facts.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';

/** The listener as the API server uses it: who is asked, who may ask, and what becomes of pods while it is down. */

const owned = (name: string) => ({
  'app.kubernetes.io/managed-by': 'knot',
  'knot/owner': name,
  'knot/owner-kind': 'user',
});
const grantOf = (name: string): Grant => ({
  namespace: `knot-${name}`,
  owner: { name },
  claims: [
    { claim: 'knot-private', path: '/files/private', area: 'own' },
    { claim: 'knot-shared', path: '/files/shared', area: 'shared' },
  ],
});
const findGrant = async (namespace: string) => (namespace === 'knot-ann' ? grantOf('ann') : undefined);
const pod = (name = 'p', more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'knot-ann', ...more },
  spec: { initContainers: [{ name: 'first', image: 'x' }], containers: [{ name: 'main', image: 'x' }] },
});
type PodSpec = {
  containers: { volumeMounts: { mountPath: string }[]; env: { name: string }[] }[];
  initContainers: PodSpec['containers'];
};

t.test('admission on a real API server', async (t): Promise<void> => {
  const callers = await callerCertificate(t);
  const started = await startControlPlane(t, { nodes: 0, flags: callers.flags });
  if ('skip' in started) return void t.plan(0, started.skip);
  const cluster = started;
  const kube = await openKube({ kubeconfig: cluster.kubeconfig }, { clock: systemClock });
  const gateway = await asGateway(cluster);
  const own = await openKube({ kubeconfig: gateway.kubeconfig }, { clock: systemClock });
  for (const one of [kube, own]) t.teardown(() => one.close());
  const port = await freePort();
  const settings: AdmissionSettings = {
    rules: { gatewayNamespace: 'knot', servicesDomain: 'example.org', csiDrivers: [], ephemeralContainers: false },
    listen: { host: '127.0.0.1', port },
    url: `https://127.0.0.1:${port}`,
    clientCa: callers.caFile,
    clientNames: ['kube-apiserver'],
  };
  const replica = (changes: Partial<AdmissionSettings> = {}, find = findGrant, clock = systemClock) => {
    const made = createAdmission({
      kube: own,
      settings: { ...settings, ...changes },
      findGrant: find,
      clock,
      log: silentLog,
    });
    t.teardown(() => made.close());
    return made;
  };
  const create = (name?: string, namespace = 'knot-ann') =>
    kube.create({ ...pod(name), metadata: { name: name ?? 'p', namespace } }, { dryRun: true });
  const saysOf = async (attempt: Promise<unknown>): Promise<string> =>
    attempt.then(
      () => 'made',
      (error: { internal?: { kubernetes?: { message?: string } } }) =>
        error.internal?.kubernetes?.message ?? 'no words',
    );

  for (const name of ['knot', 'knot-ann', 'knot-eve', 'free'])
    await kube.apply({
      ...{ apiVersion: 'v1', kind: 'Namespace' },
      metadata: { name, labels: name === 'free' ? {} : owned(name.replace('knot-', '')) },
    });
  for (const namespace of ['knot', 'knot-ann', 'knot-eve', 'free'])
    await eventually('a default account', () => kube.get(kinds.serviceAccount, 'default', namespace));

  const first = replica();
  await t.test('a pod of an owner gets its files from the API server, a dry run too', async (t) => {
    await first.look();
    t.equal(first.health().status, 'ok');
    // What the cluster knows of a new webhook it knows after a moment.
    const made = await eventually('a mutated pod', async () => {
      const spec = (await create()) as unknown as { spec: PodSpec };
      return spec.spec.containers[0]!.volumeMounts?.some(({ mountPath }) => mountPath === '/files/private') && spec;
    });
    for (const container of [...made.spec.containers, ...made.spec.initContainers]) {
      t.ok(container.volumeMounts.some(({ mountPath }) => mountPath === '/files/shared'));
      t.ok(container.env.some(({ name }) => name === 'KNOT_PRIVATE_DIR'));
    }
    const real = (await kube.create({
      ...pod('real'),
      metadata: { generateName: 'real-', namespace: 'knot-ann' } as never,
    })) as unknown as { spec: PodSpec };
    t.ok(
      real.spec.containers[0]!.volumeMounts.some(({ mountPath }) => mountPath === '/files/private'),
      'with a name that is made',
    );
    t.match(await first.metrics(), /knot_admission_seconds_count\{answer="allowed"\} [1-9]/);
  });

  await t.test('a refusal reaches whoever makes the pod', async (t) => {
    t.match(await saysOf(create('p', 'knot-eve')), /belongs to no person and no team/);
    const asks = { ...pod('p', { annotations: { 'knot/files': 'some' } }) };
    t.match(await saysOf(kube.create(asks, { dryRun: true })), /none or private/);
  });

  await t.test('nobody but the API server may ask', async (t) => {
    const { bundle } = await readCertificate(
      kube,
      { namespace: 'knot', name: 'knot-admission' },
      { host: 'localhost', clock: systemClock, log: silentLog },
    );
    const ask = async (pair?: { cert: string; key: string }) => {
      const agent = new Agent({ connect: { ca: bundle, ...pair } });
      try {
        const { statusCode, body } = await request(`https://127.0.0.1:${port}/pods`, {
          ...{ dispatcher: agent, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
        });
        await body.dump();
        return statusCode;
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      } finally {
        await agent.destroy();
      }
    };
    t.equal(await ask(callers.pair), 400, 'the API server is heard');
    t.type(await ask(), 'string', 'nobody without a certificate');
    t.type(
      await ask(await cluster.issue({ commonName: 'kube-apiserver' })),
      'string',
      'nobody with one of another authority',
    );
    t.type(await ask(await callers.authority.issue({ commonName: 'ann' })), 'string', 'nobody of another name');
  });

  await t.test('what is no question is refused, and too much is not read', async (t) => {
    const { bundle } = await readCertificate(
      kube,
      { namespace: 'knot', name: 'knot-admission' },
      { host: 'localhost', clock: systemClock, log: silentLog },
    );
    const agent = new Agent({ connect: { ca: bundle, ...callers.pair } });
    t.teardown(() => agent.destroy());
    const ask = async (path: string, options: object = {}) => {
      const { statusCode, body } = await request(`https://127.0.0.1:${port}${path}`, {
        ...{ dispatcher: agent, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
        ...options,
      });
      await body.dump();
      return statusCode;
    };
    t.equal(await ask('/pods'), 400);
    t.equal(await ask('/pods?timeout=5s', { body: '[' }), 400);
    t.equal(await ask('/'), 404);
    t.equal(await ask('/api/v1/users'), 404);
    t.equal(await ask('/pods', { method: 'GET', body: undefined }), 405);
    t.equal(await ask('/pods', { headers: { 'content-type': 'text/plain' } }), 415);
    const large = 'x'.repeat(3 * 1024 * 1024 + 1);
    t.equal(await ask('/pods', { body: large }), 413, 'by the length that it says');
    const inParts = (function* () {
      for (let part = 0; part < 4; part++) yield Buffer.alloc(1024 * 1024, 'x');
    })();
    t.match(
      await ask('/pods', { body: inParts }).catch((error: { code: string }) => error.code),
      /413|UND_ERR_SOCKET|EPIPE|ECONNRESET/,
    );
    t.equal(await ask('/pods'), 400, 'and the next one is answered');
  });

  await t.test('when whose a namespace is cannot be found out, the pod is refused in words', async (t) => {
    const broken = await freePort();
    const other = replica({ listen: { host: '127.0.0.1', port: broken }, url: `https://127.0.0.1:${broken}` }, () =>
      Promise.reject(new Error('the store is away')),
    );
    await other.look();
    const says = await eventually('words', async () => /cannot tell at this moment/.exec(await saysOf(create())));
    t.ok(says);
    t.notMatch(await saysOf(create()), /store is away/);
    await other.close();
    await first.look();
    await eventually('the first to be asked again', async () => (await saysOf(create())) === 'made');
  });

  await t.test('the certificate stays over restarts, and all replicas show the same', async (t) => {
    const place = { namespace: 'knot', name: 'knot-admission' };
    const before = await kube.get(kinds.secret, place.name, place.namespace);
    const [one, two] = await Promise.all(
      [await freePort(), await freePort()].map(async (at) => {
        const again = replica({ listen: { host: '127.0.0.1', port: at } });
        await again.look();
        return peerOf(at, callers.pair);
      }),
    );
    t.equal(one, two);
    t.equal(one, await peerOf(port, callers.pair));
    t.strictSame(
      (await kube.get(kinds.secret, place.name, place.namespace))?.metadata.resourceVersion,
      before?.metadata.resourceVersion,
    );
  });

  await t.test('a rule that the configuration turns off is taken away, with its binding, and comes back', async (t) => {
    const parts = [kinds.admissionPolicy, kinds.admissionPolicyBinding];
    const found = () => Promise.all(parts.map((kind) => kube.get(kind, 'knot-ephemeral-containers')));
    t.ok((await found()).every((one) => one !== undefined));
    const rules = { ...settings.rules, ephemeralContainers: true };
    await replica({ rules, listen: { host: '127.0.0.1', port: await freePort() } }).look();
    t.strictSame(await found(), [undefined, undefined]);
    t.ok(await kube.get(kinds.admissionPolicy, 'knot-managed'), 'no other');
    await first.look();
    t.ok((await found()).every((one) => one !== undefined));
  });

  await t.test('while nobody answers, no pod of an owner starts, and all others do', async (t) => {
    await first.close();
    t.match(
      await eventually('a refusal', async () => {
        const says = await saysOf(create());
        return says !== 'made' && says;
      }),
      /failed calling webhook/,
    );
    for (const namespace of ['free', 'knot', 'default'])
      t.equal(await saysOf(create('p', namespace)), 'made', namespace);
    await kube.apply({
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'knot-ann' } },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'x' }] } },
      },
    });
    const podsOf = async () => (await kube.list(kinds.pod, { namespace: 'knot-ann', labels: 'app=web' })).items;
    await eventually('a failure that is told', async () =>
      JSON.stringify(
        (await kube.get(
          kinds.replicaSet,
          (await kube.list(kinds.replicaSet, { namespace: 'knot-ann' })).items[0]?.metadata.name ?? '-',
          'knot-ann',
        )) ?? {},
      ).includes('failed calling webhook'),
    );
    t.strictSame(await podsOf(), []);
    const back = replica();
    await back.look();
    const [made] = await eventually('the pod of the deployment, by itself', async () => {
      const found = await podsOf();
      return found.length > 0 && found;
    });
    t.ok(
      (made as unknown as { spec: PodSpec }).spec.containers[0]!.volumeMounts.some(
        ({ mountPath }) => mountPath === '/files/private',
      ),
    );
    await back.close();
  });

  await t.test(
    'a certificate that has ended keeps new pods from starting, and a wrong clock here makes none',
    async (t) => {
      const place = { namespace: 'knot', name: 'knot-admission' };
      const day = 24 * 3600 * 1000;
      const before = await kube.get(kinds.secret, place.name, place.namespace);
      // Half a year behind: what is made then has ended long ago for the API server.
      const behind = createManualClock(Date.now() - 180 * day);
      await kube.merge(kinds.secret, place.name, place.namespace, { data: { 'tls.crt': null } });
      const wrong = replica({}, findGrant, behind);
      await wrong.look();
      t.match(
        await eventually('a refusal', async () => {
          const says = await saysOf(create());
          return says !== 'made' && says;
        }),
        /failed calling webhook[^]*certificate has expired/,
      );
      await wrong.close();
      const admission = {
        ...{
          listen: `127.0.0.1:${port}`,
          url: settings.url,
          clientCa: callers.caFile,
          clientNames: ['kube-apiserver'],
        },
        ...{ csiDrivers: [], ephemeralContainers: false },
      };
      // A gateway, as it is wired: certificates go by the time of the cluster, whatever the clock here says.
      const skewed = await openKube({ kubeconfig: gateway.kubeconfig }, { clock: behind });
      t.teardown(() => skewed.close());
      const right = openAdmission(configWith({ kubernetes: { admission } } as never), skewed, {
        ...{ owners: { find: async () => undefined }, wanted: { find: async () => undefined } },
        ...{ publicAddress: { origin: 'https://example.org' }, clock: behind, log: silentLog },
      });
      t.teardown(() => right.close());
      await right.look();
      await eventually('the API server believes it', async () => /belongs to no person/.test(await saysOf(create())));
      t.match(skewed.health(), { status: 'warning', message: /days behind/ });
      await right.close();
      t.not(before, undefined);
    },
  );

  await t.test('a certificate is renewed before it ends, and the authority before it; both stay trusted', async (t) => {
    const day = 24 * 3600 * 1000;
    const clock = createManualClock(Date.now());
    const read = () =>
      readCertificate(kube, { namespace: 'free', name: 'certificate' }, { host: 'localhost', clock, log: silentLog });
    const first = await read();
    clock.advance(59 * day);
    t.strictSame(await read(), first, 'for two months nothing changes');
    clock.advance(2 * day);
    const second = await read();
    t.not(second.leaf.cert, first.leaf.cert);
    t.equal(second.bundle, first.bundle, 'the authority stays');
    t.strictSame(await Promise.all([read(), read()]), [second, second]);

    clock.advance(9 * 365 * day);
    const before = await read();
    t.not(before.bundle, first.bundle, 'a year before its end there is another authority');
    t.ok(before.bundle.includes(first.bundle.trim()), 'and the old one is trusted as long as it is valid');
    await kube.merge(kinds.secret, 'certificate', 'free', { data: { 'tls.key': Buffer.from('x').toString('base64') } });
    const mended = await read();
    t.ok(
      new X509Certificate(mended.leaf.cert).checkPrivateKey(createPrivateKey(mended.leaf.key)),
      'what was damaged is made anew',
    );
    await kube.merge(kinds.secret, 'certificate', 'free', { data: null });
    t.match(
      await Promise.all([read(), read(), read()]).then((all) => new Set(all.map(({ leaf }) => leaf.cert)).size),
      1,
      'of several that make it one wins',
    );
  });

  t.strictSame((await gateway.rights()).refused, [], 'it asked for nothing that the chart gives it no right to');
});

/** Fingerprint of the certificate shown. */
async function peerOf(port: number, pair: { cert: string; key: string }): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...pair });
  try {
    await new Promise((resolve, reject) => void socket.once('secureConnect', resolve).once('error', reject));
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}
