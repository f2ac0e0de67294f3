import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { execute, makeNamespace, pod, read } from '../cluster/node/pods.ts';
import { type RunningNode, startNode } from '../cluster/node/start.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { createPerson, type Person } from '../support/process/person.ts';
import { chartFolder, helmIn } from './helm.ts';
import { authorityOf, giveVolume, importKnot, installed } from './knot-on-node.ts';
import { nextChart } from './next-chart.ts';
import { rightsUsed } from './rights-used.ts';

/** The image and the chart, on a node that runs pods: what no rendered file shows. */

const password = 'correct-horse-staple-7';
const node = await startNode(t);
if ('skip' in node) t.test('Knot on a real node', { skip: node.skip }, async () => undefined);
else await behaves(node);

async function behaves(node: RunningNode): Promise<void> {
  const helm = helmIn(node.folder, node.programs.helm);
  const { image } = await importKnot(node);
  await makeNamespace(node, 'knot');
  const files = join(node.files, 'all');
  await giveVolume(node, 'knot-data', { account: 1000 });
  const port = await freePort();
  const values = { image, config: { publicPort: port, kubernetes: { storage: { kind: 'hostPath', path: files } } } };
  const inKnot = (...command: string[]) =>
    node.kubectl('exec', '-n', 'knot', 'deployment/knot', '-c', 'gateway', '--', ...command);

  t.test('one command, and it is ready: read-only, without rights, with files that are its own', async (t) => {
    await installed(node, helm, 'install', ['knot', chartFolder], values);
    t.match(await inKnot('knot', '--version'), /^knot \d/);
    t.match(await inKnot('knot', 'user', 'setup-link'), `https://localhost:${port}/setup/`);
    t.match(await inKnot('helm', 'version', '--short'), /^v4\./);
    const told = await inKnot('node', '--print', 'JSON.stringify([process.getuid(), process.getgid(), process.pid])');
    t.match(JSON.parse(told), [1000, 1000], 'who it is');
    await t.rejects(inKnot('node', '--eval', 'require("node:fs").writeFileSync("/opt/knot/x", "")'), /EROFS/);
    await t.rejects(inKnot('sh', '-c', 'true'), /executable file not found|no such file/i);
    t.equal(statSync(files).uid, 1000, 'the folder that the kubelet made for root was given to it');
  });

  t.test('the network lets people in, and nobody to what is for the operator', async (t) => {
    await makeNamespace(node, 'elsewhere');
    await node.apply(pod('elsewhere', 'visitor'));
    await node.until('pod/visitor', 'condition=Ready', 'elsewhere');
    const reaches = (port: number) => reachesGateway('elsewhere', 'visitor', port);
    t.equal(await reaches(8443), true, 'the endpoint');
    t.equal(await reaches(9464), false, 'metrics and health');
  });

  t.test('a person gets a namespace, with files that a pod of theirs has', async (t) => {
    const words = ['knot', 'user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'];
    const exec = ['exec', '-i', '-n', 'knot', 'deployment/knot', '-c', 'gateway', '--', ...words];
    await node.kubectlWith({ input: `${password}\n` }, ...exec);
    await eventually('her claims', async () => {
      const { body } = await node.request('/api/v1/namespaces/knot-ann/persistentvolumeclaims');
      const claims = (body.items ?? []) as { status: { phase: string } }[];
      return claims.length > 0 && claims.every(({ status }) => status.phase === 'Bound');
    });
    await eventually('her pod', () =>
      node.apply(pod('knot-ann', 'one')).then(
        () => true,
        () => false,
      ),
    );
    await node.until('pod/one', 'condition=Ready', 'knot-ann', 60);
    await execute(node, 'knot-ann', 'one', 'sh', '-c', 'echo hello > /files/private/from-a-pod');
    // Whatever pods ask for names, hers do: policies would shut them off from what runs on the node itself.
    const servers = JSON.parse(await inKnot('node', '--print', 'JSON.stringify(require("node:dns").getServers())'));
    t.same(servers, ['10.96.0.10']);
    const names = await read(node, 'knot-ann', 'networkpolicy/knot-names', '.spec.egress[1].to[0].ipBlock.cidr');
    t.equal(names, `${servers[0]}/32`);
    const reached = (port: number) => reachesGateway('knot-ann', 'one', port);
    await eventually('her way to the endpoint', () => reached(8443));
    t.equal(await reached(9443), false, 'what the API server asks about pods answers none of hers');
    t.match(await inKnot('knot', 'files', 'ls', 'private:/', '--as', 'ann'), /from-a-pod/);
    const packed = await inKnot('knot', 'user', 'export', 'ann', '--to', '-');
    t.match(
      packed,
      /^PK[^]*person\.json[^]*files\/private\/from-a-pod/,
      'all of hers comes out of the pod in one archive',
    );
  });

  t.test('it asked for nothing that its role does not give', async (t) => {
    t.strictSame(rightsUsed(await node.auditLog(), 'system:serviceaccount:knot:knot-gateway', []).refused, []);
  });

  t.test('what has to outlive a pod, an upgrade and the way back from it does', async (t) => {
    await inKnot('knot', 'team', 'add', 'physics', '--title', 'Physics');
    const address = await read(node, 'knot', 'service/knot', '.spec.clusterIP');
    await node.inward({ host: address, port: 443, at: port });
    const origin = `https://localhost:${port}`;
    const ann = createPerson({ origin, caFile: await authorityOf(node, origin) });
    t.teardown(() => ann.close());
    await ann.signIn('ann', password);
    const before = await kept(ann);
    t.match(before, { session: 200, teams: /physics/, people: /ann/, file: 'hello\n' });

    await node.kubectl('delete', 'pods', '-n', 'knot', '--all', '--wait');
    await node.until('deployment/knot', 'condition=Available', 'knot', 90);
    await t.resolves(staysSo(ann, before), 'another pod');

    const later = {
      ...values,
      config: { ...values.config, signUp: 'approval' },
      resources: { requests: { cpu: '100m', memory: '300Mi' }, limits: { memory: '1Gi' } },
      podLabels: { tried: 'later' },
    };
    await installed(node, helm, 'upgrade', ['knot', nextChart(node.folder, '0.2.0')], later);
    t.equal(await chartOf(), 'knot-0.2.0');
    await staysSo(ann, before);
    const label = await read(node, 'knot', 'deployment/knot', '.spec.template.metadata.labels.tried');
    t.equal(label, 'later', 'what the values changed is so');
    // Were the certificate of admission another one, no pod of hers would start.
    await node.apply(pod('knot-ann', 'after-upgrade'));
    await node.until('pod/after-upgrade', 'condition=Ready', 'knot-ann', 60);

    const where = ['--kubeconfig', node.kubeconfig, '--namespace', 'knot'];
    await helm(['rollback', 'knot', '1', ...where, '--wait', '--timeout', '3m']);
    t.not(await chartOf(), 'knot-0.2.0');
    await staysSo(ann, before);
    t.equal(
      await execute(node, 'knot-ann', 'one', 'cat', '/files/private/from-a-pod'),
      'hello\n',
      'and her pod ran on',
    );
  });

  async function reachesGateway(namespace: string, from: string, port: number): Promise<boolean> {
    const address = await read(node, 'knot', 'pods', '.items[0].status.podIP');
    // Whoever listens there closes on what is no request of theirs.
    return execute(node, namespace, from, 'sh', '-c', `echo | timeout 8 nc -w 3 ${address} ${port}`).then(
      () => true,
      () => false,
    );
  }

  function chartOf(): Promise<string> {
    return read(node, 'knot', 'deployment/knot', String.raw`.metadata.labels.helm\.sh/chart`);
  }

  /** What nobody may lose. */
  async function kept(ann: Person) {
    const keysAt = async (path: string) => (await ann.visit(path)).json<{ keys: { kid: string }[] }>().keys;
    const keys = [...(await keysAt('/oidc/jwks')), ...(await keysAt('/.well-known/jwks.json'))];
    const uids = ['namespace/knot-ann', 'pv/knot-ann.knot-private', 'pod/one', 'pvc/knot-private'];
    return {
      session: (await ann.api('GET', '/me')).status,
      keys: keys.map(({ kid }) => kid),
      people: await inKnot('knot', 'user', 'list', '--json'),
      teams: await inKnot('knot', 'team', 'list'),
      file: (await ann.api('GET', '/files/private/from-a-pod')).text,
      uids: await Promise.all(uids.map((what) => read(node, 'knot-ann', what, '.metadata.uid'))),
    };
  }

  async function staysSo(ann: Person, before: Awaited<ReturnType<typeof kept>>): Promise<void> {
    let now: Awaited<ReturnType<typeof kept>> | undefined;
    await eventually(
      () => `that it is as before, not ${JSON.stringify(now)}`,
      async () => {
        now = await kept(ann).catch(() => undefined);
        return JSON.stringify(now) === JSON.stringify(before);
      },
    );
  }
}
