import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { execute, makeNamespace, pod } from '../cluster/node/pods.ts';
import { type RunningNode, startNode } from '../cluster/node/start.ts';
import { eventually } from '../support/eventually.ts';
import { chartFolder, helmIn } from './helm.ts';
import { giveVolume, importKnot, installed } from './knot-on-node.ts';
import { rightsUsed } from './rights-used.ts';

/** The image and the chart, on a node that runs pods: what no rendered file shows. */

t.setTimeout(600_000);
const node = await startNode(t);
if ('skip' in node) t.test('Knot on a real node', { skip: node.skip }, async () => undefined);
else await behaves(node);

async function behaves(node: RunningNode): Promise<void> {
  const helm = helmIn(node.folder, node.programs.helm);
  const { image } = await importKnot(node);
  await makeNamespace(node, 'knot');
  const files = join(node.files, 'all');
  await giveVolume(node, 'knot-data', { account: 1000 });
  const inKnot = (...command: string[]) =>
    node.kubectl('exec', '-n', 'knot', 'deployment/knot', '-c', 'gateway', '--', ...command);

  t.test('one command, and it is ready: read-only, without rights, with files that are its own', async (t) => {
    const storage = { kind: 'hostPath', path: files };
    await installed(node, helm, 'install', ['knot', chartFolder], { image, config: { kubernetes: { storage } } });
    t.match(await inKnot('knot', '--version'), /^knot \d/);
    t.match(await inKnot('knot', 'user', 'setup-link'), /https:\/\/localhost:8443\/setup\//);
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
    const address = await node.kubectl('get', 'pods', '-n', 'knot', '-o', 'jsonpath={.items[0].status.podIP}');
    const reaches = (port: number) =>
      // Whoever listens there closes on what is no request of theirs.
      execute(node, 'elsewhere', 'visitor', 'sh', '-c', `echo | timeout 8 nc -w 3 ${address} ${port}`).then(
        () => true,
        () => false,
      );
    t.equal(await reaches(8443), true, 'the endpoint');
    t.equal(await reaches(9464), false, 'metrics and health');
  });

  t.test('a person gets a namespace, with files that a pod of theirs has', async (t) => {
    const words = ['knot', 'user', 'add', 'ann', '--email', 'ann@example.org', '--password-file', '-'];
    const exec = ['exec', '-i', '-n', 'knot', 'deployment/knot', '-c', 'gateway', '--', ...words];
    await node.kubectlWith({ input: 'correct-horse-staple-7\n' }, ...exec);
    await eventually(
      'her claims',
      async () => {
        const { body } = await node.request('/api/v1/namespaces/knot-ann/persistentvolumeclaims');
        const claims = (body.items ?? []) as { status: { phase: string } }[];
        return claims.length > 0 && claims.every(({ status }) => status.phase === 'Bound');
      },
      60_000,
    );
    await eventually(
      'her pod',
      () =>
        node.apply(pod('knot-ann', 'one')).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    await node.until('pod/one', 'condition=Ready', 'knot-ann', 60);
    await execute(node, 'knot-ann', 'one', 'sh', '-c', 'echo hello > /files/private/from-a-pod');
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

  t.test('what has to outlive a pod does', async (t) => {
    const list = () => inKnot('knot', 'user', 'list', '--json');
    await inKnot('knot', 'team', 'add', 'physics', '--title', 'Physics');
    await node.kubectl('delete', 'pods', '-n', 'knot', '--all', '--wait');
    await node.until('deployment/knot', 'condition=Available', 'knot', 90);
    t.match(await inKnot('knot', 'team', 'list'), /physics/);
    t.match(await list(), /ann/);
  });
}
